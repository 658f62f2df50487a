output "gensweep" {
  description = "The commands that lead to the cluster, and what it is made of."
  value       = module.gensweep
}
