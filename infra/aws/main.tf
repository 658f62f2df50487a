# The cluster on one screen: a network without a way in, what is kept, a tracking server, the templates
# of GPU workers, a queue of what EC2 announces, a head that starts and ends workers, and a budget.

module "network" {
  source              = "./modules/network"
  cluster             = local.cluster
  boundary            = local.boundary
  key_arn             = module.storage.key_arn
  cidr                = var.cidr
  zones               = var.zones
  nat                 = var.nat
  private_endpoints   = var.private_endpoints
  log_days            = var.log_days
  bucket_arns         = [module.storage.artifacts.arn]
  dataset_bucket_arns = local.dataset_bucket_arns
}

module "storage" {
  source        = "./modules/storage"
  cluster       = local.cluster
  bundle        = var.bundle
  log_days      = var.log_days
  undelete_days = var.undelete_days
  force_destroy = var.force_destroy
}

module "secrets" {
  source          = "./modules/secrets"
  cluster         = local.cluster
  key_arn         = module.storage.key_arn
  secrets_version = var.secrets_version
  ledger          = var.database != null
  force_destroy   = var.force_destroy
}

module "tracking" {
  source          = "./modules/tracking"
  cluster         = local.cluster
  boundary        = local.boundary
  key_arn         = module.storage.key_arn
  image_id        = local.images.cpu
  machine         = var.tracking
  place           = local.first
  subnet_ids      = values(module.network.subnets)
  security_groups = module.network.security_groups
  zone            = module.network.zone
  artifacts       = module.storage.artifacts
  admin_secret    = module.secrets.arns.mlflow_admin
  database        = var.database
  ledger          = module.secrets.ledger
  log_days        = var.log_days
  settings        = local.writer
  policies        = { host = aws_iam_policy.host.arn, mlflow = aws_iam_policy.mlflow.arn }
  force_destroy   = var.force_destroy
}

module "workers" {
  source             = "./modules/workers"
  cluster            = local.cluster
  boundary           = local.boundary
  key_arn            = module.storage.key_arn
  image_id           = local.images.gpu
  pools              = local.pools
  subnets            = module.network.subnets
  security_group_ids = [module.network.security_groups["cluster"]]
  settings           = local.settings
  policies           = { host = aws_iam_policy.host.arn, member = aws_iam_policy.member.arn }
}

module "events" {
  source  = "./modules/events"
  cluster = local.cluster
}

module "head" {
  source             = "./modules/head"
  cluster            = local.cluster
  boundary           = local.boundary
  key_arn            = module.storage.key_arn
  image_id           = local.images.cpu
  machine            = var.head
  place              = local.first
  security_group_ids = [for name in ["cluster", "head"] : module.network.security_groups[name]]
  zone               = module.network.zone
  pools              = module.workers.pools
  max_workers        = var.max_workers
  idle_minutes       = var.idle_minutes
  queue              = module.events.queue
  database           = module.tracking.ledger
  settings           = local.writer
  policies           = { host = aws_iam_policy.host.arn, member = aws_iam_policy.member.arn, mlflow = aws_iam_policy.mlflow.arn }
  force_destroy      = var.force_destroy
  workers = {
    role_arn             = module.workers.role.arn
    security_group_ids   = [module.network.security_groups["cluster"]]
    placement_group_arns = module.workers.placement_group_arns
  }
}

module "budget" {
  source    = "./modules/budget"
  cluster   = local.cluster
  boundary  = local.boundary
  limit     = var.budget
  nightly   = var.nightly
  groups    = { head = module.head.group, tracking = module.tracking.group }
  head_role = module.head.role
}
