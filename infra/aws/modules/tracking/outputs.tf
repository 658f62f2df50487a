output "group" {
  description = "Name of the auto-scaling group that keeps the server."
  value       = module.host.group
}

output "role" {
  description = "The server's role: name and ARN."
  value       = module.host.role
}

output "ledger" {
  description = "The database of ledgers: host:port/name, where its certificates are, the user who keeps them and the ARN of its secret; null without one."
  value       = var.database == null ? null : merge(var.ledger, { address = local.database.address, ca = local.database.ca })
}
