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

variable "bundle" {
  description = "Path of the bundle that hosts install from: `make bundle` makes it."
  type        = string
  nullable    = false

  validation {
    condition     = fileexists(var.bundle)
    error_message = "bundle = \"${var.bundle}\" is no file: run `make bundle`."
  }
}

variable "log_days" {
  description = "Days for which logs are kept."
  type        = number
  nullable    = false

  validation {
    condition     = var.log_days >= 365
    error_message = "log_days = ${var.log_days}: an incident may be found late; keep logs for 365 days or more."
  }
}

variable "undelete_days" {
  description = "Days for which deleted and overwritten objects can be brought back."
  type        = number
  nullable    = false

  validation {
    condition     = var.undelete_days >= 1 && floor(var.undelete_days) == var.undelete_days
    error_message = "undelete_days = ${var.undelete_days}: give a whole number of at least 1."
  }
}

variable "force_destroy" {
  description = "Whether `destroy` takes the objects with it."
  type        = bool
  nullable    = false
}
