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

variable "key_arn" {
  description = "ARN of the KMS key that encrypts all that is kept."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[^:]+:kms:", var.key_arn))
    error_message = "key_arn = \"${var.key_arn}\" is no ARN of a KMS key."
  }
}

variable "secrets_version" {
  description = "Raise it by one to have new secrets made."
  type        = number
  nullable    = false

  validation {
    condition     = var.secrets_version >= 1 && floor(var.secrets_version) == var.secrets_version
    error_message = "secrets_version = ${var.secrets_version}: give a whole number of at least 1."
  }
}

variable "ledger" {
  description = "Whether there is a database, and so a user of it who keeps ledgers."
  type        = bool
  nullable    = false
}

variable "force_destroy" {
  description = "Whether `destroy` takes the secrets with it at once."
  type        = bool
  nullable    = false
}
