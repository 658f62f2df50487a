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

variable "security_groups" {
  description = "Security groups by what they are for; tracking and database are used."
  type        = map(string)
  nullable    = false

  validation {
    condition     = alltrue([for name in ["tracking", "database"] : contains(keys(var.security_groups), name)])
    error_message = "security_groups has ${join(", ", keys(var.security_groups))}: it needs tracking and database."
  }
}

variable "subnet_ids" {
  description = "Private subnets in two or more zones, for the database."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "subnet_ids = [${join(", ", var.subnet_ids)}]: a database needs subnets in two zones."
  }
}

variable "artifacts" {
  description = "The bucket of artifacts: name and ARN."
  type = object({
    name = string
    arn  = string
  })
  nullable = false

  validation {
    condition     = can(regex("^arn:[^:]+:s3:::", var.artifacts.arn))
    error_message = "artifacts.arn = \"${var.artifacts.arn}\" is no ARN of a bucket."
  }
}

variable "database" {
  description = "The PostgreSQL of MLflow and of the study's ledger; null for SQLite on the volume."
  type = object({
    instance_class      = string
    storage_gb          = number
    multi_az            = bool
    backup_days         = number
    deletion_protection = bool
    ca                  = optional(string)
  })

  validation {
    condition     = try(can(regex("^(https://|/)[A-Za-z0-9._/-]+$", var.database.ca)) || var.database.ca == null, var.database == null)
    error_message = "database.ca = \"${try(coalesce(var.database.ca), "")}\": give https://... or the path of a PEM file in the image."
  }

  validation {
    condition     = var.database == null || can(regex("^db\\.[a-z0-9]+\\.[a-z0-9]+$", var.database.instance_class))
    error_message = "database.instance_class = \"${try(var.database.instance_class, "")}\": give one such as db.t4g.small."
  }

  validation {
    condition     = try(var.database.storage_gb >= 20 && var.database.storage_gb <= 16384, var.database == null)
    error_message = "database.storage_gb = ${try(var.database.storage_gb, 0)}: give 20 to 16384."
  }

  validation {
    condition     = try(var.database.backup_days >= 7 && var.database.backup_days <= 35, var.database == null)
    error_message = "database.backup_days = ${try(var.database.backup_days, 0)}: give 7 to 35."
  }
}

variable "log_days" {
  description = "Days for which the database's logs are kept."
  type        = number
  nullable    = false

  validation {
    condition     = var.log_days >= 365
    error_message = "log_days = ${var.log_days}: an incident may be found late; keep logs for 365 days or more."
  }
}

variable "admin_secret" {
  description = "ARN of the secret with MLflow's administrator."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[^:]+:secretsmanager:", var.admin_secret))
    error_message = "admin_secret = \"${var.admin_secret}\" is no ARN of a secret."
  }
}

variable "ledger" {
  description = "The database's user of ledgers, whom this server makes: name and the ARN of its secret; null without a database."
  type = object({
    user   = string
    secret = string
  })

  validation {
    condition     = try(can(regex("^arn:[^:]+:secretsmanager:", var.ledger.secret)), false) || var.ledger == null
    error_message = "ledger.secret = \"${try(var.ledger.secret, "")}\" is no ARN of a secret."
  }
  validation {
    condition     = (var.ledger == null) == (var.database == null)
    error_message = "ledger is ${var.ledger == null ? "missing" : "given"}, database is ${var.database == null ? "missing" : "given"}: they come together."
  }
}
