# The root as a whole: what a caller can rely on, and what it refuses. The provider is the real one,
# as Terraform cannot mock what is ephemeral: AWS_ENDPOINT_URL has to lead to an emulator.

provider "aws" {
  region                      = "eu-central-1"
  access_key                  = "tester"
  secret_key                  = "tester"
  max_retries                 = 1
  skip_credentials_validation = true
  skip_metadata_api_check     = true
}

override_data {
  target = data.aws_ssm_parameter.image
  values = { value = "ami-0123456789abcdef0" }
}

override_resource {
  target          = module.storage.aws_kms_key.this
  override_during = plan
  values = {
    arn    = "arn:aws:kms:eu-central-1:123456789012:key/1111"
    key_id = "1111"
  }
}

override_resource {
  target          = module.storage.aws_s3_bucket.artifacts
  override_during = plan
  values = {
    id  = "gensweep-artifacts-123456789012-eu-central-1"
    arn = "arn:aws:s3:::gensweep-artifacts-123456789012-eu-central-1"
  }
}

override_resource {
  target          = module.storage.aws_s3_bucket.logs
  override_during = plan
  values = {
    id  = "gensweep-logs-123456789012-eu-central-1"
    arn = "arn:aws:s3:::gensweep-logs-123456789012-eu-central-1"
  }
}

override_resource {
  target          = module.storage.aws_s3_object.bundle
  override_during = plan
  values          = { version_id = "version-1111" }
}

override_resource {
  target          = module.storage.aws_cloudwatch_log_group.hosts
  override_during = plan
  values = {
    arn = "arn:aws:logs:eu-central-1:123456789012:log-group:/gensweep/gensweep/hosts"
  }
}

override_resource {
  target          = module.network.aws_cloudwatch_log_group.flow
  override_during = plan
  values = {
    arn = "arn:aws:logs:eu-central-1:123456789012:log-group:/gensweep/gensweep/flow"
  }
}

override_resource {
  target          = module.network.aws_route53_zone.private
  override_during = plan
  values = {
    arn     = "arn:aws:route53:::hostedzone/Z1111"
    zone_id = "Z1111"
  }
}

override_resource {
  target          = module.network.aws_subnet.private
  override_during = plan
  values = {
    id = "subnet-1111"
  }
}

override_resource {
  target          = module.network.aws_security_group.this
  override_during = plan
  values = {
    id = "sg-1111"
  }
}

override_resource {
  target          = module.events.aws_sqs_queue.this
  override_during = plan
  values = {
    arn = "arn:aws:sqs:eu-central-1:123456789012:gensweep-events"
    url = "https://sqs.eu-central-1.amazonaws.com/123456789012/gensweep-events"
    id  = "https://sqs.eu-central-1.amazonaws.com/123456789012/gensweep-events"
  }
}

override_resource {
  target          = module.events.aws_sqs_queue.dead
  override_during = plan
  values = {
    arn = "arn:aws:sqs:eu-central-1:123456789012:gensweep-events-dead"
  }
}

override_resource {
  target          = module.events.aws_cloudwatch_event_rule.this
  override_during = plan
  values = {
    arn = "arn:aws:events:eu-central-1:123456789012:rule/gensweep-notice"
  }
}

override_resource {
  target          = module.workers.aws_launch_template.pool
  override_during = plan
  values = {
    id             = "lt-1111"
    arn            = "arn:aws:ec2:eu-central-1:123456789012:launch-template/lt-1111"
    latest_version = 3
  }
}

override_resource {
  target          = module.workers.aws_placement_group.this
  override_during = plan
  values = {
    id  = "gensweep-p5"
    arn = "arn:aws:ec2:eu-central-1:123456789012:placement-group/gensweep-p5"
  }
}

override_resource {
  target          = module.workers.aws_iam_role.this
  override_during = plan
  values = {
    arn = "arn:aws:iam::123456789012:role/gensweep-worker"
  }
}

override_resource {
  target          = module.workers.aws_iam_instance_profile.this
  override_during = plan
  values = {
    arn = "arn:aws:iam::123456789012:instance-profile/gensweep-worker"
  }
}

override_resource {
  target          = module.head.module.host.aws_iam_role.this
  override_during = plan
  values = {
    arn = "arn:aws:iam::123456789012:role/gensweep-head"
  }
}

override_resource {
  target          = module.head.module.host.aws_iam_instance_profile.this
  override_during = plan
  values = {
    arn = "arn:aws:iam::123456789012:instance-profile/gensweep-head"
  }
}

override_resource {
  target          = module.tracking.module.host.aws_iam_role.this
  override_during = plan
  values = {
    arn = "arn:aws:iam::123456789012:role/gensweep-tracking"
  }
}

override_resource {
  target          = module.tracking.module.host.aws_iam_instance_profile.this
  override_during = plan
  values = {
    arn = "arn:aws:iam::123456789012:instance-profile/gensweep-tracking"
  }
}

override_resource {
  target          = module.head.module.host.aws_ebs_volume.data
  override_during = plan
  values = {
    id  = "vol-aaaa1111"
    arn = "arn:aws:ec2:eu-central-1:123456789012:volume/vol-aaaa1111"
  }
}

override_resource {
  target          = module.tracking.module.host.aws_ebs_volume.data
  override_during = plan
  values = {
    id  = "vol-bbbb1111"
    arn = "arn:aws:ec2:eu-central-1:123456789012:volume/vol-bbbb1111"
  }
}

override_resource {
  target          = module.tracking.aws_db_instance.this
  override_during = plan
  values = {
    address            = "gensweep.abc.eu-central-1.rds.amazonaws.com"
    port               = 5432
    master_user_secret = [{ kms_key_id = "", secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:rds!db-1-abcdef", secret_status = "active" }]
  }
}

override_resource {
  target          = aws_iam_policy.boundary
  override_during = plan
  values = {
    arn = "arn:aws:iam::123456789012:policy/gensweep-boundary"
  }
}

override_resource {
  target          = aws_iam_policy.host
  override_during = plan
  values = {
    arn = "arn:aws:iam::123456789012:policy/gensweep-host"
  }
}

override_resource {
  target          = aws_iam_policy.member
  override_during = plan
  values = {
    arn = "arn:aws:iam::123456789012:policy/gensweep-member"
  }
}

override_resource {
  target          = aws_iam_policy.mlflow
  override_during = plan
  values = {
    arn = "arn:aws:iam::123456789012:policy/gensweep-mlflow"
  }
}

override_resource {
  target          = module.budget.aws_iam_policy.stop
  override_during = plan
  values = {
    arn = "arn:aws:iam::123456789012:policy/gensweep-stop"
  }
}

override_module {
  target          = module.secrets
  override_during = plan
  outputs = {
    arns = {
      token        = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:gensweep/ray-token-1-abcdef"
      mlflow       = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:gensweep/mlflow-1-abcdef"
      mlflow_admin = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:gensweep/mlflow-admin-1-abcdef"
    }
    ledger = { user = "ledger", secret = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:gensweep/ledger-1-abcdef" }
  }
}

variables {
  name     = "gensweep"
  zones    = ["eu-central-1a", "eu-central-1b"]
  bundle   = "./versions.tf"
  database = {}
  budget   = { usd = 200, emails = ["someone@example.org"] }
  nightly  = { stop = "0 20 * * *", start = "0 6 * * 1-5" }

  dataset_buckets = ["somebodys-data"]

  pools = {
    g6-spot = { instance_types = ["g6.xlarge", "g5.xlarge"], cpus = 4, gpus = 1, max_workers = 4 }
    p5      = { instance_types = ["p5.48xlarge"], cpus = 192, gpus = 8, max_workers = 2, efa_interfaces = 32, zones = ["eu-central-1a"] }
  }
}

run "cluster" {
  command = plan

  assert {
    condition     = strcontains(output.dashboard_command, "portNumber=8265,localPortNumber=8265") && strcontains(output.dashboard_command, "--auto-scaling-group-names gensweep-head ")
    error_message = "The dashboard is reached by port forwarding through Session Manager."
  }

  assert {
    condition     = strcontains(output.mlflow_command, "portNumber=5000,localPortNumber=5000") && strcontains(output.mlflow_command, "--auto-scaling-group-names gensweep-tracking ")
    error_message = "MLflow is reached by port forwarding through Session Manager."
  }

  assert {
    condition     = strcontains(output.token_command, "secret:gensweep/ray-token-")
    error_message = "The token is fetched from its secret."
  }

  assert {
    condition     = output.buckets.artifacts == "gensweep-artifacts-123456789012-eu-central-1" && output.queue_url != "" && output.zone.name == "gensweep.internal"
    error_message = "Bucket, queue and zone bear the cluster's name."
  }

  assert {
    condition     = yamldecode(output.autoscaler).available_node_types.g6-spot.node_config == yamldecode(yamlencode({ launch_template = { id = "lt-1111", version = "3" }, instance_types = ["g6.xlarge", "g5.xlarge"], subnets = ["subnet-1111", "subnet-1111"], market = "spot", fallback = true, max_workers = 4 }))
    error_message = "The autoscaler starts a pool from its template, in any zone."
  }

  assert {
    condition     = yamldecode(output.autoscaler).max_workers == 8 && yamldecode(output.autoscaler).available_node_types.head.resources.CPU == 0 && !strcontains(output.autoscaler, "ssh_private_key")
    error_message = "Workers are capped, the head takes no task, and there is no SSH."
  }

  assert {
    condition     = alltrue([for arn in [module.head.role.arn, module.tracking.role.arn, module.workers.role.arn] : startswith(arn, "arn:aws:iam::123456789012:role/gensweep-")])
    error_message = "Head, tracking server and workers have roles of their own."
  }

  assert {
    condition     = !strcontains(jsonencode(local.settings), "secret:gensweep/mlflow") && strcontains(local.writer.GENSWEEP_MLFLOW_SECRET, "secret:gensweep/mlflow-1")
    error_message = "Workers are not told where MLflow's password is."
  }

  assert {
    condition     = local.settings.GENSWEEP_BUNDLE_VERSION == "version-1111"
    error_message = "Hosts are told which version of the bundle is theirs."
  }
}

run "own_boundary" {
  command = plan

  variables {
    permissions_boundary = "arn:aws:iam::123456789012:policy/everyones"
  }

  assert {
    condition     = length(aws_iam_policy.boundary) == 0
    error_message = "A boundary that is given is used."
  }
}

run "refuses" {
  command = plan

  variables {
    name                 = "Gensweep"
    tags                 = { "gensweep:cluster" = "other" }
    permissions_boundary = "everyones"
    zones                = ["eu-central-1a"]
    cidr                 = "10.20.0.0/24"
    nat                  = "two"
    bundle               = "missing.tar.gz"
    dataset_buckets      = ["s3://data"]
    log_days             = 30
    undelete_days        = 0
    secrets_version      = 0
    images               = { cpu = "ubuntu" }
    head                 = { instance_type = "large" }
    tracking             = { volume_gb = 1 }
    database             = { backup_days = 1 }
    idle_minutes         = 0
    budget               = { usd = 0, emails = ["someone@example.org"] }
    nightly              = { stop = "20:00", start = "0 6 * * *" }
  }

  expect_failures = [
    var.name,
    var.tags,
    var.permissions_boundary,
    var.zones,
    var.cidr,
    var.nat,
    var.bundle,
    var.dataset_buckets,
    var.log_days,
    var.undelete_days,
    var.secrets_version,
    var.images,
    var.head,
    var.tracking,
    var.database,
    var.idle_minutes,
    var.budget,
    var.nightly,
  ]
}

run "refuses_names_of_pools" {
  command = plan

  variables {
    pools = { head = { instance_types = ["g6.xlarge"], cpus = 4, gpus = 1, max_workers = 1 } }
  }

  expect_failures = [var.pools]
}

run "refuses_zones_of_pools" {
  command = plan

  variables {
    pools = { g6 = { instance_types = ["g6.xlarge"], cpus = 4, gpus = 1, max_workers = 1, zones = ["eu-central-1c"] } }
  }

  expect_failures = [var.pools]
}

run "refuses_more_workers_than_the_cap" {
  command = plan

  variables {
    pools = { g6 = { instance_types = ["g6.xlarge"], cpus = 4, gpus = 1, min_workers = 9, max_workers = 9 } }
  }

  expect_failures = [var.max_workers]
}
