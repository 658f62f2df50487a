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
