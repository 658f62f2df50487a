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
  security_group_ids = ["sg-0123456789abcdef0"]
  zone               = { id = "Z1", name = "gensweep.internal", arn = "arn:aws:route53:::hostedzone/Z1" }
  force_destroy      = false
  role               = "head"
}

run "host" {
  command = plan

  module {
    source = "./modules/host"
  }

  assert {
    condition     = alltrue([for t in [aws_launch_template.this] : t.metadata_options[0].http_tokens == "required" && t.metadata_options[0].http_put_response_hop_limit == 1])
    error_message = "Metadata are read by a session token, and by the host alone."
  }

  assert {
    condition     = alltrue([for t in [aws_launch_template.this] : t.metadata_options[0].instance_metadata_tags == "disabled"])
    error_message = "Tags may have keys that metadata refuse."
  }

  assert {
    condition     = alltrue([for t in [aws_launch_template.this] : alltrue([for disk in t.block_device_mappings : disk.ebs[0].encrypted == "true" && disk.ebs[0].kms_key_id == var.key_arn])])
    error_message = "Disks are encrypted by the cluster's key."
  }

  assert {
    condition     = alltrue([for t in [aws_launch_template.this] : t.key_name == null || t.key_name == ""])
    error_message = "There is no key pair."
  }

  assert {
    condition     = alltrue([for t in [aws_launch_template.this] : t.instance_initiated_shutdown_behavior == "terminate"])
    error_message = "A host that powers off is ended."
  }

  assert {
    condition     = alltrue([for t in [aws_launch_template.this] : toset([for spec in t.tag_specifications : spec.resource_type if spec.tags["gensweep:cluster"] == "gensweep"]) == toset(["instance", "volume", "network-interface"])])
    error_message = "All that is launched bears the cluster's tag."
  }

  assert {
    condition     = length(aws_launch_template.this.network_interfaces) == 0 && aws_launch_template.this.vpc_security_group_ids == toset(["sg-0123456789abcdef0"])
    error_message = "The subnet, which gives no public address, decides the interface."
  }

  assert {
    condition     = aws_ebs_volume.data.encrypted && aws_ebs_volume.data.kms_key_id == var.key_arn && aws_ebs_volume.data.final_snapshot
    error_message = "The volume is encrypted, and leaves a snapshot."
  }

  assert {
    condition     = aws_route53_record.this.ttl == 10
    error_message = "The record lives as long as the one that the host writes."
  }

  assert {
    condition     = aws_autoscaling_group.this.max_size == 1 && aws_autoscaling_group.this.desired_capacity == 1 && aws_autoscaling_group.this.vpc_zone_identifier == toset(["subnet-0123456789abcdef0"])
    error_message = "One host is kept, where its volume is."
  }

  assert {
    condition     = aws_iam_role.this.permissions_boundary == var.boundary
    error_message = "The role has the boundary."
  }

  assert {
    condition     = jsondecode(aws_iam_role.this.assume_role_policy).Statement[0].Principal == { Service = "ec2.amazonaws.com" }
    error_message = "EC2 alone takes the role."
  }

  assert {
    condition     = [for s in jsondecode(aws_iam_role_policy.host.policy).Statement : s.Resource if s.Sid == "Volume"] == [[aws_ebs_volume.data.arn]]
    error_message = "The host attaches its own volume."
  }

  assert {
    condition     = [for s in jsondecode(aws_iam_role_policy.host.policy).Statement : s.Condition["ForAllValues:StringEquals"]["route53:ChangeResourceRecordSetsNormalizedRecordNames"] if s.Sid == "Name"] == [["head.gensweep.internal"]]
    error_message = "The host writes its own name."
  }

  assert {
    condition     = alltrue([for s in jsondecode(aws_iam_role_policy.host.policy).Statement : alltrue([for action in s.Action : startswith(action, "ec2:Describe")]) if s.Resource == "*"])
    error_message = "What knows no resource only looks."
  }

  assert {
    condition     = length(base64decode(aws_launch_template.this.user_data)) < 16384
    error_message = "The start-up script fits."
  }

  assert {
    condition     = strcontains(base64decode(aws_launch_template.this.user_data), "GENSWEEP_NAME") && strcontains(base64decode(aws_launch_template.this.user_data), "head.gensweep.internal")
    error_message = "The host is told its name."
  }
}

run "refuses" {
  command = plan

  module {
    source = "./modules/host"
  }

  variables {
    after              = [""]
    cluster            = { name = "gensweep", account = "123456789012", partition = "aws", region = "eu-central-1", tags = {} }
    boundary           = "everyones"
    key_arn            = "alias/aws/s3"
    image_id           = "ubuntu"
    policies           = { host = "host" }
    machine            = { instance_type = "large", volume_gb = 50 }
    security_group_ids = []
    zone               = { id = "Z1", name = "example.org", arn = "arn:aws:route53:::hostedzone/Z1" }
    role               = "worker"
    files              = { "/opt/x" = "" }
  }

  expect_failures = [
    var.after,
    var.cluster,
    var.boundary,
    var.key_arn,
    var.image_id,
    var.policies,
    var.machine,
    var.security_group_ids,
    var.zone,
    var.role,
    var.files,
  ]
}

run "refuses_settings_and_place" {
  command = plan

  module {
    source = "./modules/host"
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
