# Pools of GPU workers. Terraform keeps their launch templates; Ray starts and ends the instances.

locals {
  tags = {
    for name, pool in var.pools : name => merge(var.cluster.tags, {
      Name            = "${var.cluster.name}-${name}"
      "gensweep:role" = "worker"
      "gensweep:pool" = name
    })
  }
  fabric = { for name, pool in var.pools : name => pool if pool.efa_interfaces > 0 }
}

module "boot" {
  for_each = var.pools
  source   = "../../../boot"
  role     = "worker"
  settings = merge(var.settings, {
    GENSWEEP_POOL = each.key
    GENSWEEP_CPUS = each.value.cpus
    GENSWEEP_GPUS = each.value.gpus
  })
}

# Hosts that exchange gradients over EFA stand close to each other.
resource "aws_placement_group" "this" {
  for_each = local.fabric
  name     = "${var.cluster.name}-${each.key}"
  strategy = "cluster"
  tags     = local.tags[each.key]
}

resource "aws_launch_template" "pool" {
  for_each                             = var.pools
  name                                 = "${var.cluster.name}-${each.key}"
  image_id                             = var.image_id
  instance_type                        = each.value.instance_types[0]
  instance_initiated_shutdown_behavior = "terminate"
  user_data                            = base64encode(module.boot[each.key].script)
  update_default_version               = true
  tags                                 = local.tags[each.key]

  # EC2 refuses groups beside interfaces: a pool with EFA names its groups in each interface.
  vpc_security_group_ids = each.value.efa_interfaces == 0 ? var.security_group_ids : null

  dynamic "network_interfaces" {
    for_each = range(each.value.efa_interfaces)

    content {
      network_card_index          = network_interfaces.value
      device_index                = network_interfaces.value == 0 ? 0 : 1
      interface_type              = "efa"
      security_groups             = var.security_group_ids
      associate_public_ip_address = each.value.efa_interfaces == 1 ? false : null
      delete_on_termination       = true
    }
  }

  dynamic "placement" {
    for_each = each.value.efa_interfaces > 0 ? [aws_placement_group.this[each.key].name] : []

    content {
      group_name = placement.value
    }
  }

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
      volume_size           = each.value.disk_gb
      throughput            = 250
      encrypted             = true
      kms_key_id            = var.key_arn
      delete_on_termination = true
    }
  }

  dynamic "tag_specifications" {
    for_each = ["instance", "volume", "network-interface"]

    content {
      resource_type = tag_specifications.value
      tags          = local.tags[each.key]
    }
  }
}
