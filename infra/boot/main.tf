locals {
  env   = join("\n", [for name, value in merge(var.settings, { GENSWEEP_ROLE = var.role }) : "${name}=${value}"])
  files = [for path, text in var.files : "install -D /dev/stdin ${path} <<'EOF'\n${text}\nEOF"]
}
