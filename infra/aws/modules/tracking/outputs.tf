output "group" {
  description = "Name of the auto-scaling group that keeps the server."
  value       = module.host.group
}

output "role" {
  description = "The server's role: name and ARN."
  value       = module.host.role
}

output "database" {
  description = "The database: host:port/name, user and the ARN of its secret; null without one."
  value       = local.database
}
