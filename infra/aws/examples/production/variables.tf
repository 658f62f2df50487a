variable "region" {
  description = "The region of the cluster."
  type        = string
  default     = "eu-central-1"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region = \"${var.region}\": give one such as eu-central-1."
  }
}

variable "email" {
  description = "Who hears of the budget."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[^@ ]+@[^@ ]+$", var.email))
    error_message = "email = \"${var.email}\" is no address."
  }
}

variable "bundle" {
  description = "What hosts install from: `make bundle` makes it."
  type        = string
  default     = "../../../../dist/gensweep-bundle.tar.gz"
  nullable    = false

  validation {
    condition     = fileexists(var.bundle)
    error_message = "bundle = \"${var.bundle}\" is no file: run `make bundle`."
  }
}

variable "dataset_buckets" {
  description = "Names of the buckets of data sets, which hosts may only read."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for name in var.dataset_buckets : can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", name))])
    error_message = "dataset_buckets = [${join(", ", var.dataset_buckets)}]: each is the name of a bucket."
  }
}
