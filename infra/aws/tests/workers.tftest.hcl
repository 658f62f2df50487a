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
  security_group_ids = ["sg-0123456789abcdef0"]
  subnets            = { eu-central-1a = "subnet-0123456789abcdef0" }
  pools = {
    g6 = { instance_types = ["g6.xlarge"], cpus = 4, gpus = 1, max_workers = 4, min_workers = 0, market = "spot", fallback = true, disk_gb = 100, efa_interfaces = 0, zones = ["eu-central-1a"] }
    p5 = { instance_types = ["p5.48xlarge"], cpus = 192, gpus = 8, max_workers = 4, min_workers = 0, market = "on-demand", fallback = true, disk_gb = 100, efa_interfaces = 32, zones = ["eu-central-1a"] }
  }
}

run "pools" {
  command = plan

  module {
    source = "./modules/workers"
  }

  assert {
    condition     = alltrue([for t in values(aws_launch_template.pool) : t.metadata_options[0].http_tokens == "required" && t.metadata_options[0].http_put_response_hop_limit == 1])
    error_message = "Metadata are read by a session token, and by the host alone."
  }

  assert {
    condition     = alltrue([for t in values(aws_launch_template.pool) : t.metadata_options[0].instance_metadata_tags == "disabled"])
    error_message = "Tags may have keys that metadata refuse."
  }

  assert {
    condition     = alltrue([for t in values(aws_launch_template.pool) : alltrue([for disk in t.block_device_mappings : disk.ebs[0].encrypted == "true" && disk.ebs[0].kms_key_id == var.key_arn])])
    error_message = "Disks are encrypted by the cluster's key."
  }

  assert {
    condition     = alltrue([for t in values(aws_launch_template.pool) : t.key_name == null || t.key_name == ""])
    error_message = "There is no key pair."
  }

  assert {
    condition     = alltrue([for t in values(aws_launch_template.pool) : t.instance_initiated_shutdown_behavior == "terminate"])
    error_message = "A host that powers off is ended."
  }

  assert {
    condition     = alltrue([for t in values(aws_launch_template.pool) : toset([for spec in t.tag_specifications : spec.resource_type if spec.tags["gensweep:cluster"] == "gensweep"]) == toset(["instance", "volume", "network-interface"])])
    error_message = "All that is launched bears the cluster's tag."
  }

  assert {
    condition     = length(aws_launch_template.pool["g6"].network_interfaces) == 0 && aws_launch_template.pool["g6"].vpc_security_group_ids == toset(["sg-0123456789abcdef0"])
    error_message = "A plain pool names groups, no interfaces."
  }

  assert {
    condition     = length(aws_launch_template.pool["p5"].network_interfaces) == 32 && try(length(aws_launch_template.pool["p5"].vpc_security_group_ids), 0) == 0
    error_message = "A pool with EFA names interfaces, no groups beside them."
  }

  assert {
    condition     = alltrue([for i in aws_launch_template.pool["p5"].network_interfaces : i.interface_type == "efa" && i.security_groups == toset(["sg-0123456789abcdef0"]) && (i.subnet_id == null || i.subnet_id == "") && i.associate_public_ip_address != "true"])
    error_message = "EFA interfaces are in the cluster's group, without public address; the fleet chooses the subnet."
  }

  assert {
    condition     = jsonencode([for i in aws_launch_template.pool["p5"].network_interfaces : [i.network_card_index, i.device_index]]) == jsonencode([for card in range(32) : [card, card == 0 ? 0 : 1]])
    error_message = "Each network card has one."
  }

  assert {
    condition     = aws_placement_group.this["p5"].strategy == "cluster" && aws_launch_template.pool["p5"].placement[0].group_name == "gensweep-p5" && keys(aws_placement_group.this) == ["p5"]
    error_message = "Hosts with EFA stand together."
  }

  assert {
    condition     = aws_iam_role.this.permissions_boundary == var.boundary
    error_message = "The role has the boundary."
  }

  assert {
    condition     = alltrue([for name, t in aws_launch_template.pool : strcontains(base64decode(t.user_data), name)])
    error_message = "A worker is told its pool."
  }

  assert {
    condition     = alltrue([for name, t in aws_launch_template.pool : t.tags["gensweep:role"] == "worker" && alltrue([for spec in t.tag_specifications : spec.tags["gensweep:pool"] == name])])
    error_message = "A worker bears its pool."
  }
}

run "refuses" {
  command = plan

  module {
    source = "./modules/workers"
  }

  variables {
    cluster            = { name = "gensweep", account = "123456789012", partition = "aws", region = "eu-central-1", tags = {} }
    boundary           = "everyones"
    key_arn            = "alias/aws/s3"
    image_id           = "ubuntu"
    policies           = { host = "host" }
    security_group_ids = []
    pools              = { head = { instance_types = ["g6.xlarge"], cpus = 4, gpus = 1, max_workers = 4, min_workers = 0, market = "spot", fallback = true, disk_gb = 100, efa_interfaces = 0, zones = ["eu-central-1a"] } }
  }

  expect_failures = [
    var.cluster,
    var.boundary,
    var.key_arn,
    var.image_id,
    var.policies,
    var.security_group_ids,
    var.pools,
  ]
}

run "refuses_settings" {
  command = plan

  module {
    source = "./modules/workers"
  }

  variables {
    settings = {}
  }

  expect_failures = [
    var.settings,
  ]
}

run "refuses_instance_types" {
  command = plan

  module {
    source = "./modules/workers"
  }

  variables {
    pools = { g6 = { instance_types = [], cpus = 4, gpus = 1, max_workers = 4, min_workers = 0, market = "spot", fallback = true, disk_gb = 100, efa_interfaces = 0, zones = ["eu-central-1a"] } }
  }

  expect_failures = [
    var.pools,
  ]
}

run "refuses_market" {
  command = plan

  module {
    source = "./modules/workers"
  }

  variables {
    pools = { g6 = { instance_types = ["g6.xlarge"], cpus = 4, gpus = 1, max_workers = 4, min_workers = 0, market = "reserved", fallback = true, disk_gb = 100, efa_interfaces = 0, zones = ["eu-central-1a"] } }
  }

  expect_failures = [
    var.pools,
  ]
}

run "refuses_numbers" {
  command = plan

  module {
    source = "./modules/workers"
  }

  variables {
    pools = { g6 = { instance_types = ["g6.xlarge"], cpus = 4, gpus = 1, max_workers = 4, min_workers = 5, market = "spot", fallback = true, disk_gb = 100, efa_interfaces = 0, zones = ["eu-central-1a"] } }
  }

  expect_failures = [
    var.pools,
  ]
}

run "refuses_cpus" {
  command = plan

  module {
    source = "./modules/workers"
  }

  variables {
    pools = { g6 = { instance_types = ["g6.xlarge"], cpus = 0, gpus = 1, max_workers = 4, min_workers = 0, market = "spot", fallback = true, disk_gb = 100, efa_interfaces = 0, zones = ["eu-central-1a"] } }
  }

  expect_failures = [
    var.pools,
  ]
}

run "refuses_disk" {
  command = plan

  module {
    source = "./modules/workers"
  }

  variables {
    pools = { g6 = { instance_types = ["g6.xlarge"], cpus = 4, gpus = 1, max_workers = 4, min_workers = 0, market = "spot", fallback = true, disk_gb = 10, efa_interfaces = 0, zones = ["eu-central-1a"] } }
  }

  expect_failures = [
    var.pools,
  ]
}

run "refuses_interfaces" {
  command = plan

  module {
    source = "./modules/workers"
  }

  variables {
    pools = { g6 = { instance_types = ["g6.xlarge"], cpus = 4, gpus = 1, max_workers = 4, min_workers = 0, market = "spot", fallback = true, disk_gb = 100, efa_interfaces = 33, zones = ["eu-central-1a"] } }
  }

  expect_failures = [
    var.pools,
  ]
}

run "refuses_zones" {
  command = plan

  module {
    source = "./modules/workers"
  }

  variables {
    subnets = { eu-central-1a = "subnet-0123456789abcdef0", eu-central-1b = "subnet-0123456789abcdef1" }
    pools   = { g6 = { instance_types = ["g6.xlarge"], cpus = 4, gpus = 1, max_workers = 4, min_workers = 0, market = "spot", fallback = true, disk_gb = 100, efa_interfaces = 1, zones = ["eu-central-1a", "eu-central-1b"] } }
  }

  expect_failures = [
    var.pools,
  ]
}

run "refuses_subnets" {
  command = plan

  module {
    source = "./modules/workers"
  }

  variables {
    subnets = { eu-central-1b = "subnet-0123456789abcdef1" }
  }

  expect_failures = [
    var.subnets,
  ]
}
