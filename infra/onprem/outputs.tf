output "head" {
  description = "What root runs once on the head."
  value       = module.head.script
}

output "workers" {
  description = "What root runs once on each worker, by its address."
  value       = { for address, worker in module.worker : address => worker.script }
}
