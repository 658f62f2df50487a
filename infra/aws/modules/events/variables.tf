variable "cluster" {
  description = "The cluster's name, its place, and the tags of all that belongs to it."
  type = object({
    name      = string
    account   = string
    partition = string
    region    = string
    tags      = map(string)
  })
  nullable = false

  validation {
    condition     = lookup(var.cluster.tags, "gensweep:cluster", "") == var.cluster.name
    error_message = "cluster.tags lacks gensweep:cluster = \"${var.cluster.name}\", by which rights are given and costs told apart."
  }
}
