output "script" {
  description = "The start-up script, for user_data."
  value       = join("\n", concat(["#!/bin/bash", "set -euo pipefail", "install -D /dev/stdin /etc/gensweep/node.env <<'EOF'", local.env, "EOF"], local.files, [""]))
}
