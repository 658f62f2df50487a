mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  cluster = {
    name      = "gensweep"
    account   = "123456789012"
    partition = "aws"
    region    = "eu-central-1"
    tags      = { "gensweep:cluster" = "gensweep" }
  }
  boundary           = "arn:aws:iam::123456789012:policy/gensweep-boundary"
  key_arn            = "arn:aws:kms:eu-central-1:123456789012:key/1111"
  image_id           = "ami-0123456789abcdef0"
  settings           = { GENSWEEP_CLUSTER = "gensweep" }
  policies           = { host = "arn:aws:iam::123456789012:policy/gensweep-host" }
  machine            = { instance_type = "m7i.large", volume_gb = 50 }
  place              = { zone = "eu-central-1a", subnet_id = "subnet-0123456789abcdef0" }
  zone               = { id = "Z1", name = "gensweep.internal", arn = "arn:aws:route53:::hostedzone/Z1" }
  force_destroy      = false
  security_group_ids = ["sg-0123456789abcdef0"]
  pools = {
    g6 = { instance_types = ["g6.xlarge"], cpus = 4, gpus = 1, max_workers = 4, min_workers = 0, market = "spot", fallback = true, launch_template_id = "lt-1", launch_template_arn = "arn:aws:ec2:eu-central-1:123456789012:launch-template/lt-1", launch_template_version = "3", subnet_ids = ["subnet-1"] }
  }
  workers      = { role_arn = "arn:aws:iam::123456789012:role/gensweep-worker", security_group_ids = ["sg-1"], placement_group_arns = [] }
  queue        = { url = "https://sqs.eu-central-1.amazonaws.com/123456789012/gensweep-events", arn = "arn:aws:sqs:eu-central-1:123456789012:gensweep-events" }
  database     = { address = "db.example:5432/gensweep", ca = "https://truststore.example/bundle.pem", user = "ledger", secret = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:gensweep/ledger-abcdef" }
  max_workers  = 8
  idle_minutes = 5
}

run "head" {
  command = plan

  module {
    source = "./modules/head"
  }

  assert {
    condition     = [for s in jsondecode(aws_iam_role_policy.workers[0].policy).Statement : s.Condition.StringEquals["iam:PassedToService"] if s.Sid == "WorkersRole"] == ["ec2.amazonaws.com"] && [for s in jsondecode(aws_iam_role_policy.workers[0].policy).Statement : s.Resource if s.Sid == "WorkersRole"] == [[var.workers.role_arn]]
    error_message = "The head passes the workers' role, to EC2."
  }

  assert {
    condition     = alltrue([for s in jsondecode(aws_iam_role_policy.workers[0].policy).Statement : s.Condition.StringEquals["aws:ResourceTag/gensweep:cluster"] == "gensweep" && s.Condition.StringEquals["aws:ResourceTag/gensweep:role"] == "worker" if s.Sid == "EndWorkers"])
    error_message = "The head ends this cluster's workers alone."
  }

  assert {
    condition     = alltrue([for s in jsondecode(aws_iam_role_policy.workers[0].policy).Statement : s.Condition.ArnEquals["ec2:LaunchTemplate"] == ["arn:aws:ec2:eu-central-1:123456789012:launch-template/lt-1"] if s.Action == ["ec2:RunInstances"] && s.Sid != "Templates"])
    error_message = "Instances are started from the cluster's templates."
  }

  assert {
    condition     = [for s in jsondecode(aws_iam_role_policy.workers[0].policy).Statement : s.Condition.StringEquals["ec2:CreateAction"] if s.Sid == "TagAtLaunch"] == [["CreateFleet", "RunInstances"]]
    error_message = "Tags are written at the launch."
  }

  assert {
    condition     = alltrue([for s in concat([for p in [aws_iam_role_policy.workers[0], aws_iam_role_policy.notices] : jsondecode(p.policy).Statement]...) : alltrue([for action in s.Action : startswith(action, "ec2:Describe")]) if s.Resource == "*"])
    error_message = "What knows no resource only looks."
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.notices.policy).Statement[0].Resource == [var.queue.arn]
    error_message = "The drainer reads its own queue."
  }

  assert {
    condition     = yamldecode(output.autoscaler).available_node_types.g6.node_config.launch_template.version == "3" && yamldecode(output.autoscaler).idle_timeout_minutes == 5
    error_message = "The autoscaler starts what Terraform made."
  }

  assert {
    condition     = yamldecode(output.autoscaler).provider.disable_node_updaters && yamldecode(output.autoscaler).auth.ssh_user == "none"
    error_message = "There is no SSH."
  }
}

run "no_pools" {
  command = plan

  module {
    source = "./modules/head"
  }

  variables {
    pools = {}
  }

  assert {
    condition     = length(aws_iam_role_policy.workers) == 0
    error_message = "Without pools the head starts nothing."
  }
}

run "refuses" {
  command = plan

  module {
    source = "./modules/head"
  }

  variables {
    cluster            = { name = "gensweep", account = "123456789012", partition = "aws", region = "eu-central-1", tags = {} }
    boundary           = "everyones"
    key_arn            = "alias/aws/s3"
    image_id           = "ubuntu"
    policies           = { host = "host" }
    machine            = { instance_type = "large", volume_gb = 50 }
    zone               = { id = "Z1", name = "example.org", arn = "arn:aws:route53:::hostedzone/Z1" }
    security_group_ids = []
    pools = {
      g6 = { instance_types = ["g6.xlarge"], cpus = 4, gpus = 1, max_workers = 4, min_workers = 0, market = "spot", fallback = true, launch_template_id = "lt-1", launch_template_arn = "arn:aws:ec2:eu-central-1:123456789012:launch-template/lt-1", launch_template_version = "3", subnet_ids = [] }
    }
    workers      = { role_arn = "worker", security_group_ids = [], placement_group_arns = [] }
    queue        = { url = "", arn = "" }
    database     = { address = "db", ca = "", user = "", secret = "" }
    max_workers  = -1
    idle_minutes = 0
  }

  expect_failures = [
    var.cluster,
    var.boundary,
    var.key_arn,
    var.image_id,
    var.policies,
    var.machine,
    var.zone,
    var.security_group_ids,
    var.pools,
    var.workers,
    var.queue,
    var.database,
    var.max_workers,
    var.idle_minutes,
  ]
}

run "refuses_settings_and_place" {
  command = plan

  module {
    source = "./modules/head"
  }

  variables {
    settings = {}
    place    = { zone = "us-east-1a", subnet_id = "subnet-1" }
  }

  expect_failures = [
    var.settings,
    var.place,
  ]
}
