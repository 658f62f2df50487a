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

variable "boundary" {
  description = "ARN of the policy that no role here may exceed."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[^:]+:iam::[^:]*:policy/", var.boundary))
    error_message = "boundary = \"${var.boundary}\" is no ARN of an IAM policy."
  }
}

variable "limit" {
  description = "The month's budget; null for none."
  type = object({
    usd    = number
    emails = list(string)
    scope  = string
    stop   = bool
  })

  validation {
    condition     = try(var.limit.usd > 0, var.limit == null)
    error_message = "budget.usd = ${try(var.limit.usd, 0)}: give more than 0."
  }

  validation {
    condition     = try(length(var.limit.emails) >= 1 && length(var.limit.emails) <= 10 && alltrue([for email in var.limit.emails : can(regex("^[^@ ]+@[^@ ]+$", email))]), var.limit == null)
    error_message = "budget.emails = [${try(join(", ", var.limit.emails), "")}]: give one to ten addresses, who hear of it."
  }

  validation {
    condition     = try(contains(["account", "cluster"], var.limit.scope), var.limit == null)
    error_message = "budget.scope = \"${try(var.limit.scope, "")}\" is none of account, cluster."
  }
}

variable "nightly" {
  description = "When head and tracking server stop and start; null for never."
  type = object({
    stop      = string
    start     = string
    time_zone = string
  })

  validation {
    condition     = try(alltrue([for cron in [var.nightly.stop, var.nightly.start] : can(regex("^\\S+( \\S+){4}$", cron))]), var.nightly == null)
    error_message = "nightly.stop = \"${try(var.nightly.stop, "")}\", nightly.start = \"${try(var.nightly.start, "")}\": give five cron fields, such as 0 20 * * 1-5."
  }

  validation {
    condition     = try(can(regex("^[A-Z][A-Za-z_]+(/[A-Za-z_]+)*$", var.nightly.time_zone)), false) || var.nightly == null
    error_message = "nightly.time_zone = \"${try(var.nightly.time_zone, "")}\": give a name such as Europe/Berlin."
  }
}

variable "groups" {
  description = "Names of the auto-scaling groups that stop at night, by host."
  type        = map(string)
  nullable    = false

  validation {
    condition     = contains(keys(var.groups), "head")
    error_message = "groups has ${join(", ", keys(var.groups))}: the head is missing, which would start workers all night."
  }
}

variable "head_role" {
  description = "The head's role, which loses the right to start instances: name and ARN."
  type = object({
    name = string
    arn  = string
  })
  nullable = false

  validation {
    condition     = can(regex("^arn:[^:]+:iam::[^:]*:role/", var.head_role.arn))
    error_message = "head_role.arn = \"${var.head_role.arn}\" is no ARN of a role."
  }
}
