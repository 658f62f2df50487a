output "role" {
  description = "The head's role: name and ARN."
  value       = module.host.role
}

output "group" {
  description = "Name of the auto-scaling group that keeps the head."
  value       = module.host.group
}

output "autoscaler" {
  description = "The configuration of Ray's autoscaler, as the head gets it."
  value       = local.autoscaler
}
