# Renders the script that makes a plain Ubuntu or Debian host a member of a cluster. It needs no
# provider, so that AWS (../aws), one's own hardware (../onprem) and tests start the same thing.

locals {
  units = {
    head     = ["prepare.service", "ray.service", "resumer.service", "drainer.service", "logs.timer"]
    worker   = ["prepare.service", "ray.service", "notice.service", "logs.timer"]
    tracking = ["prepare.service", "secrets.timer", "tracking.service", "logs.timer"]
  }
  # A host without a cloud has no notices to watch, and keeps its logs itself.
  cloud_only = ["drainer.service", "notice.service", "logs.timer", "secrets.timer"]
  cloud      = lookup(var.settings, "GENSWEEP_CLOUD", "aws")
  enabled    = [for unit in local.units[var.role] : unit if local.cloud != "none" || !contains(local.cloud_only, unit)]
  # A timer starts the service of its name.
  installed = distinct(concat(local.enabled, [
    for unit in local.enabled : replace(unit, ".timer", ".service") if endswith(unit, ".timer")
  ]))

  common = {
    AWS_DEFAULT_REGION  = lookup(var.settings, "AWS_REGION", "")
    RAY_AUTH_MODE       = "token"
    RAY_AUTH_TOKEN_PATH = local.cloud == "none" ? "/etc/gensweep/auth_token" : "/run/gensweep/auth_token"
    # Of AWS's clients: by default one try of a second, which a busy host may miss.
    AWS_METADATA_SERVICE_TIMEOUT      = local.cloud == "none" ? "" : "5"
    AWS_METADATA_SERVICE_NUM_ATTEMPTS = local.cloud == "none" ? "" : "5"
  }

  # What ends a worker's Ray is the loss of its head or its own drain: neither is mended here.
  ending = var.role == "worker" && var.when_ray_ends == "poweroff" ? "FailureAction=poweroff\nSuccessAction=poweroff" : ""
  again  = local.ending == "" ? "always" : "no"

  script = templatefile("${path.module}/node.sh.tftpl", {
    role     = var.role
    settings = { for name, value in merge(local.common, var.settings) : name => value if value != "" }
    files    = var.files
    patience = local.cloud == "none" ? -1 : (var.role == "worker" ? 0 : 300)
    enabled  = local.enabled
    units = {
      for unit in local.installed : unit => templatefile("${path.module}/units/${unit}", {
        role   = var.role
        ending = local.ending
        again  = local.again
      })
    }
  })
}
