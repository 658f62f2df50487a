# One host that is replaced when it fails, and the volume and name that its replacement takes over.

locals {
  name = "${var.cluster.name}-${var.role}"
  fqdn = "${var.role}.${var.zone.name}"
  tags = merge(var.cluster.tags, { Name = local.name, "gensweep:role" = var.role })
}

module "boot" {
  source = "../../../boot"
  role   = var.role
  files  = var.files
  settings = merge(var.settings, {
    GENSWEEP_VOLUME  = aws_ebs_volume.data.id
    GENSWEEP_ZONE_ID = var.zone.id
    GENSWEEP_NAME    = local.fqdn
  })
}

resource "aws_ebs_volume" "data" {
  availability_zone = var.place.zone
  type              = "gp3"
  size              = var.machine.volume_gb
  encrypted         = true
  kms_key_id        = var.key_arn
  final_snapshot    = !var.force_destroy
  tags              = merge(local.tags, { Name = "${local.name}-data" })
}

# Nobody is there until the host writes its own address.
resource "aws_route53_record" "this" {
  #checkov:skip=CKV2_AWS_23:The host writes its own address, which is not known here.
  zone_id = var.zone.id
  name    = local.fqdn
  type    = "A"
  ttl     = 10 # as the host writes it
  records = ["127.0.0.1"]

  lifecycle {
    ignore_changes = [records]
  }
}

resource "aws_launch_template" "this" {
  name                                 = local.name
  image_id                             = var.image_id
  instance_type                        = var.machine.instance_type
  instance_initiated_shutdown_behavior = "terminate"
  vpc_security_group_ids               = var.security_group_ids
  user_data                            = base64encode(module.boot.script)
  update_default_version               = true
  tags                                 = local.tags

  iam_instance_profile {
    arn = aws_iam_instance_profile.this.arn
  }

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
    instance_metadata_tags      = "disabled" # keys with other signs would make launches fail
  }

  block_device_mappings {
    device_name = "/dev/xvda"

    ebs {
      volume_type           = "gp3"
      volume_size           = 30
      encrypted             = true
      kms_key_id            = var.key_arn
      delete_on_termination = true
    }
  }

  monitoring {
    enabled = true
  }

  dynamic "tag_specifications" {
    for_each = ["instance", "volume", "network-interface"]

    content {
      resource_type = tag_specifications.value
      tags          = local.tags
    }
  }
}

resource "aws_autoscaling_group" "this" {
  name                      = local.name
  min_size                  = 0
  max_size                  = 1
  desired_capacity          = 1
  vpc_zone_identifier       = [var.place.subnet_id]
  health_check_type         = "EC2"
  wait_for_capacity_timeout = "0"
  # A host that starts before its rights fails at once, and is not started anew.
  depends_on = [aws_iam_role_policy.host, aws_iam_role_policy_attachment.this, aws_route53_record.this, var.after]

  launch_template {
    id      = aws_launch_template.this.id
    version = aws_launch_template.this.latest_version
  }

  dynamic "tag" {
    for_each = local.tags

    content {
      key                 = tag.key
      value               = tag.value
      propagate_at_launch = true
    }
  }

  lifecycle {
    ignore_changes = [desired_capacity] # nights are for the schedule to decide
  }
}
