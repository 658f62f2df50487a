output "role" {
  description = "The host's role: name and ARN."
  value       = { name = aws_iam_role.this.name, arn = aws_iam_role.this.arn }
}

output "group" {
  description = "Name of the auto-scaling group that keeps one such host."
  value       = aws_autoscaling_group.this.name
}

output "fqdn" {
  description = "The name under which the host is found."
  value       = local.fqdn
}

output "volume_id" {
  description = "The volume that outlives the host."
  value       = aws_ebs_volume.data.id
}
