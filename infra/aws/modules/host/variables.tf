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

variable "key_arn" {
  description = "ARN of the KMS key that encrypts all that is kept."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[^:]+:kms:", var.key_arn))
    error_message = "key_arn = \"${var.key_arn}\" is no ARN of a KMS key."
  }
}

variable "image_id" {
  description = "The machine image."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^ami-[0-9a-f]+$", var.image_id))
    error_message = "image_id = \"${var.image_id}\": give the id of an image, such as ami-0123456789abcdef0."
  }
}

variable "settings" {
  description = "What every host of the cluster is told, for /etc/gensweep/node.env."
  type        = map(string)
  nullable    = false

  validation {
    condition     = lookup(var.settings, "GENSWEEP_CLUSTER", "") == var.cluster.name
    error_message = "settings.GENSWEEP_CLUSTER = \"${lookup(var.settings, "GENSWEEP_CLUSTER", "")}\" must be the cluster's name, \"${var.cluster.name}\"."
  }
}

variable "policies" {
  description = "ARNs of the policies that the role carries besides its own."
  type        = map(string)
  nullable    = false

  validation {
    condition     = alltrue([for arn in values(var.policies) : can(regex("^arn:[^:]+:iam::[^:]*:policy/", arn))])
    error_message = "policies = {${join(", ", [for name, arn in var.policies : "${name} = ${arn}"])}}: each is the ARN of an IAM policy."
  }
}

variable "role" {
  description = "What the host is: head or tracking."
  type        = string
  nullable    = false

  validation {
    condition     = contains(["head", "tracking"], var.role)
    error_message = "role = \"${var.role}\" is none of head, tracking."
  }
}

variable "machine" {
  description = "The instance type, and the size of the volume that outlives the instance."
  type = object({
    instance_type = string
    volume_gb     = number
  })
  nullable = false

  validation {
    condition     = can(regex("^[a-z0-9-]+\\.[a-z0-9-]+$", var.machine.instance_type)) && var.machine.volume_gb >= 10 && var.machine.volume_gb <= 16384
    error_message = "instance_type = \"${var.machine.instance_type}\", volume_gb = ${var.machine.volume_gb}: give a type such as m7i.large, and 10 to 16384 GiB."
  }
}

variable "place" {
  description = "Where the host and its volume are: a zone and a private subnet in it."
  type = object({
    zone      = string
    subnet_id = string
  })
  nullable = false

  validation {
    condition     = startswith(var.place.zone, var.cluster.region)
    error_message = "place.zone = \"${var.place.zone}\" is no zone of ${var.cluster.region}."
  }
}

variable "security_group_ids" {
  description = "Security groups of the host."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.security_group_ids) > 0
    error_message = "security_group_ids = []: name at least one, or the host gets the VPC's default group."
  }
}

variable "zone" {
  description = "The private DNS zone in which the host writes its address."
  type = object({
    id   = string
    name = string
    arn  = string
  })
  nullable = false

  validation {
    condition     = endswith(var.zone.name, ".internal")
    error_message = "zone.name = \"${var.zone.name}\" is no private zone: its name ends in .internal."
  }
}

variable "files" {
  description = "Further files of the host: their content by their absolute path."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for path in keys(var.files) : startswith(path, "/etc/gensweep/")])
    error_message = "files has ${join(", ", keys(var.files))}: give paths under /etc/gensweep/."
  }
}

variable "after" {
  description = "Ids of what has to be there before the host starts, such as further policies of its role."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for id in var.after : id != ""])
    error_message = "after = [${join(", ", var.after)}]: none is empty."
  }
}

variable "force_destroy" {
  description = "Whether `destroy` deletes the volume without a last snapshot."
  type        = bool
  nullable    = false
}
