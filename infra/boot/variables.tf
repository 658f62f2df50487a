variable "role" {
  type        = string
  description = "What the host becomes: head, worker or tracking."
  nullable    = false

  validation {
    condition     = contains(["head", "worker", "tracking"], var.role)
    error_message = "role must be head, worker or tracking, but is ${var.role}."
  }
}

variable "settings" {
  type        = map(string)
  description = "Lines of /etc/gensweep/node.env, which all units of the host read. No secrets: they are fetched on the host."
  nullable    = false

  validation {
    condition     = alltrue([for name in keys(var.settings) : can(regex("^[A-Z][A-Z0-9_]*$", name))])
    error_message = "settings must be named like environment variables (A-Z, 0-9, _), but are ${join(", ", keys(var.settings))}."
  }
  validation {
    condition     = alltrue([for value in values(var.settings) : can(regex("^[^'\\\\\n]*$", value))])
    error_message = "A setting must have no single quote, backslash or line break: systemd and the shell would read it differently."
  }
}

variable "files" {
  type        = map(string)
  description = "Further files of the host, by absolute path. No secrets."
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for path in keys(var.files) : can(regex("^/[A-Za-z0-9._/-]+$", path))])
    error_message = "files must have absolute paths of plain characters, but are ${join(", ", keys(var.files))}."
  }
  validation {
    condition     = alltrue([for text in values(var.files) : !strcontains(text, "\nEND_OF_FILE\n")])
    error_message = "No file may hold the line END_OF_FILE, which ends it in the script."
  }
}

variable "when_ray_ends" {
  type        = string
  description = "What a worker does when its Ray node has ended: poweroff (a cloud instance that nobody uses is not paid for) or restart (a host of one's own)."
  default     = "poweroff"
  nullable    = false

  validation {
    condition     = contains(["poweroff", "restart"], var.when_ray_ends)
    error_message = "when_ray_ends must be poweroff or restart, but is ${var.when_ray_ends}."
  }
}
