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

variable "pools" {
  description = "Pools of workers by name: what Ray may start, and what a worker of each offers."
  type = map(object({
    instance_types = list(string)
    cpus           = number
    gpus           = number
    max_workers    = number
    min_workers    = number
    market         = string
    fallback       = bool
    disk_gb        = number
    efa_interfaces = number
    zones          = list(string)
  }))
  nullable = false

  validation {
    condition     = alltrue([for name in keys(var.pools) : can(regex("^[a-z][a-z0-9-]{0,30}$", name)) && name != "head"])
    error_message = "pools has ${join(", ", keys(var.pools))}: names are small letters, digits and -, and head is taken."
  }

  validation {
    condition     = alltrue([for pool in values(var.pools) : length(pool.instance_types) > 0 && alltrue([for type in pool.instance_types : can(regex("^[a-z0-9-]+\\.[a-z0-9-]+$", type))])])
    error_message = "instance_types = [${join(", ", flatten([for pool in values(var.pools) : pool.instance_types]))}]: each pool needs at least one, such as g6.xlarge."
  }

  validation {
    condition     = alltrue([for pool in values(var.pools) : contains(["spot", "on-demand"], pool.market)])
    error_message = "market = ${join(", ", [for pool in values(var.pools) : pool.market])}: each is spot or on-demand."
  }

  validation {
    condition     = alltrue([for pool in values(var.pools) : pool.min_workers >= 0 && pool.min_workers <= pool.max_workers && pool.max_workers <= 1000])
    error_message = "${join(", ", [for name, pool in var.pools : "${name}: ${pool.min_workers} to ${pool.max_workers}"])}: 0 <= min_workers <= max_workers <= 1000 must hold."
  }

  validation {
    condition     = alltrue([for pool in values(var.pools) : pool.cpus >= 1 && pool.gpus >= 0])
    error_message = "${join(", ", [for name, pool in var.pools : "${name}: cpus = ${pool.cpus}, gpus = ${pool.gpus}"])}: a worker has at least one CPU."
  }

  validation {
    condition     = alltrue([for pool in values(var.pools) : pool.disk_gb >= 60 && pool.disk_gb <= 16384])
    error_message = "disk_gb = ${join(", ", [for pool in values(var.pools) : pool.disk_gb])}: give 60 to 16384; the image alone takes 50."
  }

  validation {
    condition     = alltrue([for pool in values(var.pools) : pool.efa_interfaces >= 0 && pool.efa_interfaces <= 32])
    error_message = "efa_interfaces = ${join(", ", [for pool in values(var.pools) : pool.efa_interfaces])}: a host has 0 to 32 network cards."
  }

  validation {
    condition     = alltrue([for pool in values(var.pools) : pool.efa_interfaces == 0 || length(pool.zones) == 1])
    error_message = "${join(", ", [for name, pool in var.pools : "${name}: [${join(", ", pool.zones)}]" if pool.efa_interfaces > 0])}: EFA does not cross zones; give such a pool one zone."
  }
}

variable "subnets" {
  description = "The private subnet of each zone."
  type        = map(string)
  nullable    = false

  validation {
    condition     = alltrue([for zone in flatten([for pool in values(var.pools) : pool.zones]) : contains(keys(var.subnets), zone)])
    error_message = "pools are in ${join(", ", distinct(flatten([for pool in values(var.pools) : pool.zones])))}, but subnets in ${join(", ", keys(var.subnets))} alone."
  }
}

variable "security_group_ids" {
  description = "Security groups of the workers."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.security_group_ids) > 0
    error_message = "security_group_ids = []: name at least one, or workers get the VPC's default group."
  }
}
