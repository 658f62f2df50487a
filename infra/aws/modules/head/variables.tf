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

variable "force_destroy" {
  description = "Whether `destroy` deletes the volume without a last snapshot."
  type        = bool
  nullable    = false
}

variable "pools" {
  description = "Pools of workers by name, as the module workers gives them."
  type = map(object({
    instance_types          = list(string)
    cpus                    = number
    gpus                    = number
    max_workers             = number
    min_workers             = number
    market                  = string
    fallback                = bool
    launch_template_id      = string
    launch_template_arn     = string
    launch_template_version = string
    subnet_ids              = list(string)
  }))
  nullable = false

  validation {
    condition     = alltrue([for pool in values(var.pools) : length(pool.subnet_ids) > 0])
    error_message = "${join(", ", [for name, pool in var.pools : name if length(pool.subnet_ids) == 0])}: a pool needs a subnet."
  }
}

variable "workers" {
  description = "What the head may give to the instances that it starts."
  type = object({
    role_arn             = string
    security_group_ids   = list(string)
    placement_group_arns = list(string)
  })
  nullable = false

  validation {
    condition     = can(regex("^arn:[^:]+:iam::[^:]*:role/", var.workers.role_arn))
    error_message = "workers.role_arn = \"${var.workers.role_arn}\" is no ARN of a role."
  }
}

variable "queue" {
  description = "The queue of notices: its URL and ARN."
  type = object({
    url = string
    arn = string
  })
  nullable = false

  validation {
    condition     = can(regex("^arn:[^:]+:sqs:", var.queue.arn))
    error_message = "queue.arn = \"${var.queue.arn}\" is no ARN of a queue."
  }
}

variable "database" {
  description = "The database of ledgers: host:port/name, where its certificates are, user and the ARN of its secret; null without one."
  type = object({
    address = string
    ca      = string
    user    = string
    secret  = string
  })

  validation {
    condition     = try(can(regex("^[^:/]+:[0-9]+/[a-z]+$", var.database.address)), false) || var.database == null
    error_message = "database.address = \"${try(var.database.address, "")}\": give host:port/name."
  }
}

variable "max_workers" {
  description = "The most workers at once, over all pools."
  type        = number
  nullable    = false

  validation {
    condition     = var.max_workers >= 0 && var.max_workers <= 1000
    error_message = "max_workers = ${var.max_workers}: give 0 to 1000."
  }
}

variable "idle_minutes" {
  description = "Minutes after which an idle worker is ended."
  type        = number
  nullable    = false

  validation {
    condition     = var.idle_minutes >= 1 && var.idle_minutes <= 60
    error_message = "idle_minutes = ${var.idle_minutes}: give 1 to 60."
  }
}
