# A cluster of hosts of one's own: the scripts that AWS's hosts run, for machines that stay.
# Nothing is created; `terraform output -raw head` prints what root runs on the head.

locals {
  settings = merge(var.settings, {
    GENSWEEP_CLOUD         = "none"
    GENSWEEP_CLUSTER       = var.name
    GENSWEEP_BUNDLE        = var.bundle_on_hosts
    GENSWEEP_BUNDLE_SHA256 = filesha256(var.bundle)
    GENSWEEP_HEAD          = var.head
    GENSWEEP_STORE         = var.store
    MLFLOW_TRACKING_URI    = var.tracking_uri
  })
}

module "head" {
  source   = "../boot"
  role     = "head"
  settings = merge(local.settings, { GENSWEEP_ADDRESS = var.head })
}

module "worker" {
  for_each      = toset(var.workers)
  source        = "../boot"
  role          = "worker"
  when_ray_ends = "restart"
  settings      = merge(local.settings, { GENSWEEP_ADDRESS = each.key, GENSWEEP_POOL = "own" })
}
