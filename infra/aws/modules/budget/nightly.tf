# Nights: workers whose head is gone end themselves, so that nothing but disks costs anything.

locals {
  nights = var.nightly == null ? {} : merge([
    for host, group in var.groups : {
      "${host}-stop"  = { group = group, cron = var.nightly.stop, hosts = 0 }
      "${host}-start" = { group = group, cron = var.nightly.start, hosts = 1 }
    }
  ]...)
}

resource "aws_autoscaling_schedule" "this" {
  for_each               = local.nights
  scheduled_action_name  = each.key
  autoscaling_group_name = each.value.group
  recurrence             = each.value.cron
  time_zone              = var.nightly.time_zone
  min_size               = 0
  max_size               = 1
  desired_capacity       = each.value.hosts
}
