output "pools" {
  description = "What the autoscaler needs to start workers: the pools, with template and subnets."
  value = {
    for name, pool in var.pools : name => merge(pool, {
      launch_template_id      = aws_launch_template.pool[name].id
      launch_template_arn     = aws_launch_template.pool[name].arn
      launch_template_version = tostring(aws_launch_template.pool[name].latest_version)
      subnet_ids              = [for zone in pool.zones : var.subnets[zone]]
    })
  }
}

output "placement_group_arns" {
  description = "ARNs of the placement groups."
  value       = [for group in aws_placement_group.this : group.arn]
}

output "role" {
  description = "The workers' role: name and ARN."
  value       = { name = aws_iam_role.this.name, arn = aws_iam_role.this.arn }
}
