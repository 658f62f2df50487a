variable "name" {
  description = "The cluster's name."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", var.name))
    error_message = "name = \"${var.name}\": give 3 to 20 small letters, digits and -, a letter first and no - last."
  }
}

variable "head" {
  description = "The address of the head, by which workers find it."
  type        = string
  nullable    = false

  validation {
    condition     = can(cidrhost("${var.head}/32", 0)) && !startswith(var.head, "127.")
    error_message = "head = \"${var.head}\": give the IPv4 address of the head that workers reach, such as 192.0.2.10."
  }
}

variable "workers" {
  description = "The addresses of the workers."
  type        = list(string)
  nullable    = false

  validation {
    condition     = alltrue([for address in var.workers : can(cidrhost("${address}/32", 0)) && !startswith(address, "127.")])
    error_message = "workers = [${join(", ", var.workers)}]: give IPv4 addresses, such as 192.0.2.11."
  }
  validation {
    condition     = !contains(var.workers, var.head) && length(distinct(var.workers)) == length(var.workers)
    error_message = "workers = [${join(", ", var.workers)}], head = ${var.head}: each host has one part."
  }
}

variable "bundle" {
  description = "Path of the bundle on this machine: `make bundle` makes it."
  type        = string
  nullable    = false

  validation {
    condition     = fileexists(var.bundle)
    error_message = "bundle = \"${var.bundle}\" is no file: run `make bundle`."
  }
}

variable "bundle_on_hosts" {
  description = "Where the same file lies on each host."
  type        = string
  default     = "/opt/gensweep-bundle.tar.gz"
  nullable    = false

  validation {
    condition     = can(regex("^/[A-Za-z0-9._/-]+$", var.bundle_on_hosts))
    error_message = "bundle_on_hosts = \"${var.bundle_on_hosts}\": give an absolute path of plain characters."
  }
}

variable "tracking_uri" {
  description = "The MLflow server, http://HOST:PORT or https://HOST; its user's name and password lie in ~gensweep/.mlflow/credentials of the head, if it asks for them."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^https?://[^@ ]+$", var.tracking_uri))
    error_message = "tracking_uri = \"${var.tracking_uri}\": give http://HOST:PORT or https://HOST, without a password."
  }
}

variable "store" {
  description = "Where sweeps keep their checkpoints: s3://BUCKET/PREFIX, or a file:// folder that all hosts share."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^(s3://[^/]|file:///.)", var.store))
    error_message = "store = \"${var.store}\": give s3://BUCKET/PREFIX or file:///FOLDER."
  }
}

variable "settings" {
  description = "Further variables of all hosts, such as AWS_ENDPOINT_URL of an object store. No secrets: keys belong into ~gensweep/.aws/credentials."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name in keys(var.settings) : !can(regex("SECRET_ACCESS_KEY|PASSWORD|AUTH_TOKEN$", name))])
    error_message = "settings has ${join(", ", keys(var.settings))}: secrets do not belong into a script."
  }
}
