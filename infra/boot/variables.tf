variable "role" {
  description = "What the host is: head, worker or tracking."
  type        = string
  nullable    = false

  validation {
    condition     = contains(["head", "worker", "tracking"], var.role)
    error_message = "role = \"${var.role}\" is none of head, worker, tracking."
  }
}

variable "settings" {
  description = "What /etc/gensweep/node.env holds, by name; no secret among it."
  type        = map(string)
  nullable    = false

  validation {
    condition     = alltrue([for name in keys(var.settings) : can(regex("^[A-Z][A-Z0-9_]*$", name))])
    error_message = "settings has ${join(", ", keys(var.settings))}: names are capitals, digits and _."
  }
}

variable "files" {
  description = "Further files of the host: their content by their absolute path."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for path in keys(var.files) : startswith(path, "/")])
    error_message = "files has ${join(", ", keys(var.files))}: give absolute paths."
  }
}
