# The head: Ray's control plane, the autoscaler, the drainer, and no task.

module "host" {
  source             = "../host"
  cluster            = var.cluster
  role               = "head"
  image_id           = var.image_id
  machine            = var.machine
  place              = var.place
  security_group_ids = var.security_group_ids
  zone               = var.zone
  boundary           = var.boundary
  key_arn            = var.key_arn
  policies           = var.policies
  after              = concat(aws_iam_role_policy.workers[*].id, [aws_iam_role_policy.notices.id])
  force_destroy      = var.force_destroy
  files              = { "/etc/gensweep/cluster.yaml" = local.autoscaler }
  settings = merge(var.settings, {
    GENSWEEP_EVENTS_QUEUE  = var.queue.url
    GENSWEEP_LEDGER        = var.database == null ? "" : "postgresql+psycopg://${var.database.user}@${var.database.address}?sslmode=verify-full&sslrootcert=/run/gensweep/database_ca.pem"
    GENSWEEP_LEDGER_SECRET = try(var.database.secret, "")
    GENSWEEP_DATABASE_CA   = try(var.database.ca, "")
  })
}

locals {
  autoscaler = yamlencode({
    cluster_name         = var.cluster.name
    max_workers          = var.max_workers
    idle_timeout_minutes = var.idle_minutes
    auth                 = { ssh_user = "none" }
    head_node_type       = "head"
    provider = {
      type                        = "external"
      module                      = "gensweep.cluster.FleetNodeProvider"
      region                      = var.cluster.region
      disable_node_updaters       = true
      disable_launch_config_check = true
      cache_stopped_nodes         = false
      max_workers                 = var.max_workers
      join_timeout_s              = 900
      on_demand_after             = 3
    }
    # Nothing is sent to hosts; Ray wants to be told.
    file_mounts           = {}
    cluster_synced_files  = []
    setup_commands        = []
    head_setup_commands   = []
    worker_setup_commands = []
    available_node_types = merge(local.pools, {
      head = { resources = { CPU = 0 }, node_config = {}, max_workers = 0 }
    })
  })
  pools = {
    for name, pool in var.pools : name => {
      min_workers = pool.min_workers
      max_workers = pool.max_workers
      resources   = { for kind, amount in { CPU = pool.cpus, GPU = pool.gpus } : kind => amount if amount > 0 }
      node_config = {
        launch_template = { id = pool.launch_template_id, version = pool.launch_template_version }
        instance_types  = pool.instance_types
        subnets         = pool.subnet_ids
        market          = pool.market
        fallback        = pool.fallback
        max_workers     = pool.max_workers
      }
    }
  }
}
