# What the modules share.

data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

data "aws_region" "this" {}

data "aws_ssm_parameter" "image" {
  for_each = { for kind, image in var.images : kind => image if startswith(image, "/") }
  name     = each.value
}

locals {
  cluster = {
    name      = var.name
    account   = data.aws_caller_identity.this.account_id
    partition = data.aws_partition.this.partition
    region    = data.aws_region.this.name
    tags      = merge(var.tags, { "gensweep:cluster" = var.name })
  }
  boundary            = var.permissions_boundary == null ? aws_iam_policy.boundary[0].arn : var.permissions_boundary
  first               = { zone = var.zones[0], subnet_id = module.network.subnets[var.zones[0]] }
  pools               = { for name, pool in var.pools : name => merge(pool, { zones = coalescelist(pool.zones, var.zones) }) }
  images              = { for kind, image in var.images : kind => startswith(image, "/") ? nonsensitive(data.aws_ssm_parameter.image[kind].value) : image }
  dataset_bucket_arns = [for bucket in var.dataset_buckets : "arn:${local.cluster.partition}:s3:::${bucket}"]

  # Every host gets these as /etc/gensweep/node.env; there is no secret among them.
  settings = {
    AWS_REGION              = local.cluster.region
    GENSWEEP_BUNDLE         = module.storage.bundle.url
    GENSWEEP_BUNDLE_SHA256  = module.storage.bundle.sha256
    GENSWEEP_BUNDLE_VERSION = module.storage.bundle.version
    GENSWEEP_CLUSTER        = var.name
    GENSWEEP_HEAD           = "head.${module.network.zone.name}"
    GENSWEEP_LOG_GROUP      = module.storage.log_group.name
    GENSWEEP_STORE          = "s3://${module.storage.artifacts.name}/sweeps"
    GENSWEEP_TOKEN_SECRET   = module.secrets.arns.token
    MLFLOW_TRACKING_URI     = "http://tracking.${module.network.zone.name}:5000"
  }

  # Workers report to the head, which alone writes to MLflow; the server makes the user that does.
  writer = merge(local.settings, { GENSWEEP_MLFLOW_SECRET = module.secrets.arns.mlflow })
}
