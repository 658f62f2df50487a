variable "name" {
  description = "The cluster's name: it begins the name of all that is made."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", var.name))
    error_message = "name = \"${var.name}\": give 3 to 20 small letters, digits and -, a letter first and no - last."
  }
}

variable "tags" {
  description = "Further tags of all that is made."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for key in keys(var.tags) : key != "Name" && !startswith(key, "gensweep:") && !startswith(key, "aws:")])
    error_message = "tags has ${join(", ", keys(var.tags))}: Name, gensweep: and aws: are taken."
  }
}

variable "permissions_boundary" {
  description = "ARN of the policy that no role may exceed; null for the one that is made here."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary == null || can(regex("^arn:[^:]+:iam::[^:]*:policy/", var.permissions_boundary))
    error_message = "permissions_boundary = \"${coalesce(var.permissions_boundary, "null")}\" is no ARN of an IAM policy."
  }
}

# The network.

variable "zones" {
  description = "Availability zones; the head and the tracking server live in the first."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.zones) >= 2 && length(var.zones) <= 8 && length(distinct(var.zones)) == length(var.zones)
    error_message = "zones = [${join(", ", var.zones)}]: give two to eight different ones."
  }
}

variable "cidr" {
  description = "Addresses of the VPC: a sixteenth for each zone's hosts."
  type        = string
  default     = "10.20.0.0/16"
  nullable    = false

  validation {
    condition     = can(cidrnetmask(var.cidr)) && try(tonumber(split("/", var.cidr)[1]) >= 16 && tonumber(split("/", var.cidr)[1]) <= 20, false)
    error_message = "cidr = \"${var.cidr}\": give an IPv4 range from /16 to /20, such as 10.20.0.0/16."
  }
}

variable "nat" {
  description = "NAT gateways: none, single (one for all zones) or zone (one in each)."
  type        = string
  default     = "single"
  nullable    = false

  validation {
    condition     = contains(["none", "single", "zone"], var.nat)
    error_message = "nat = \"${var.nat}\" is none of none, single, zone."
  }
}

variable "private_endpoints" {
  description = "Whether the AWS services are reached by interface endpoints, not through NAT."
  type        = bool
  default     = false
  nullable    = false
}

# What is kept.

variable "bundle" {
  description = "Path of the bundle that hosts install from: `make bundle` makes it."
  type        = string
  nullable    = false

  validation {
    condition     = fileexists(var.bundle)
    error_message = "bundle = \"${var.bundle}\" is no file: run `make bundle`."
  }
}

variable "dataset_buckets" {
  description = "Names of further buckets, which hosts may only read."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for name in var.dataset_buckets : can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", name))])
    error_message = "dataset_buckets = [${join(", ", var.dataset_buckets)}]: each is the name of a bucket."
  }
}

variable "log_days" {
  description = "Days for which logs are kept."
  type        = number
  default     = 365
  nullable    = false

  validation {
    condition     = contains([365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_days)
    error_message = "log_days = ${var.log_days}: CloudWatch knows 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 and 3653; fewer would forget an incident that is found late."
  }
}

variable "undelete_days" {
  description = "Days for which deleted and overwritten objects can be brought back."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.undelete_days >= 1 && floor(var.undelete_days) == var.undelete_days
    error_message = "undelete_days = ${var.undelete_days}: give a whole number of at least 1."
  }
}

variable "secrets_version" {
  description = "Raise it by one to have new secrets made; then replace the head and the tracking server."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.secrets_version >= 1 && floor(var.secrets_version) == var.secrets_version
    error_message = "secrets_version = ${var.secrets_version}: give a whole number of at least 1."
  }
}

variable "force_destroy" {
  description = "Whether `destroy` takes objects, secrets and volumes with it, without a last snapshot."
  type        = bool
  default     = false
  nullable    = false
}

# Hosts.

variable "images" {
  description = "Machine images of hosts without and with GPUs: an id, or the name of an SSM parameter that holds one. Both are Amazon Linux 2023."
  type = object({
    cpu = optional(string, "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64")
    gpu = optional(string, "/aws/service/deeplearning/ami/x86_64/base-oss-nvidia-driver-gpu-amazon-linux-2023/latest/ami-id")
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for image in values(var.images) : can(regex("^(ami-[0-9a-f]+|/.+)$", image))])
    error_message = "images = ${join(", ", values(var.images))}: give ids such as ami-0123456789abcdef0, or names of SSM parameters, which begin with /."
  }
}

variable "head" {
  description = "The head's instance type, and the size of its volume: Ray's state, and the ledgers of studies."
  type = object({
    instance_type = optional(string, "m7i.large")
    volume_gb     = optional(number, 50)
  })
  default  = {}
  nullable = false

  validation {
    condition     = can(regex("^[a-z0-9-]+\\.[a-z0-9-]+$", var.head.instance_type)) && var.head.volume_gb >= 10 && var.head.volume_gb <= 16384
    error_message = "head = {instance_type = \"${var.head.instance_type}\", volume_gb = ${var.head.volume_gb}}: give a type such as m7i.large, and 10 to 16384 GiB."
  }
}

variable "tracking" {
  description = "The tracking server's instance type, and the size of its volume."
  type = object({
    instance_type = optional(string, "t3.medium")
    volume_gb     = optional(number, 20)
  })
  default  = {}
  nullable = false

  validation {
    condition     = can(regex("^[a-z0-9-]+\\.[a-z0-9-]+$", var.tracking.instance_type)) && var.tracking.volume_gb >= 10 && var.tracking.volume_gb <= 16384
    error_message = "tracking = {instance_type = \"${var.tracking.instance_type}\", volume_gb = ${var.tracking.volume_gb}}: give a type such as t3.medium, and 10 to 16384 GiB."
  }
}

variable "database" {
  description = "A PostgreSQL for MLflow and for the ledgers of studies; null for SQLite on the volumes. ca: where hosts find its certificates, https://... or a path in their image (null: Amazon's own, of the region)."
  type = object({
    instance_class      = optional(string, "db.t4g.small")
    storage_gb          = optional(number, 20)
    multi_az            = optional(bool, false)
    backup_days         = optional(number, 7)
    deletion_protection = optional(bool, true)
    ca                  = optional(string)
  })
  default = null

  validation {
    condition     = try(can(regex("^db\\.[a-z0-9]+\\.[a-z0-9]+$", var.database.instance_class)) && var.database.storage_gb >= 20 && var.database.storage_gb <= 16384 && var.database.backup_days >= 7 && var.database.backup_days <= 35, var.database == null)
    error_message = "database = {instance_class = \"${try(var.database.instance_class, "")}\", storage_gb = ${try(var.database.storage_gb, 0)}, backup_days = ${try(var.database.backup_days, 0)}}: give a class such as db.t4g.small, 20 to 16384 GiB and 7 to 35 days."
  }
}

variable "pools" {
  description = "Pools of workers by name: what Ray may start, and what a worker of each offers. No zones means all."
  type = map(object({
    instance_types = list(string)
    cpus           = number
    gpus           = number
    max_workers    = number
    min_workers    = optional(number, 0)
    market         = optional(string, "spot")
    fallback       = optional(bool, true)
    disk_gb        = optional(number, 100)
    efa_interfaces = optional(number, 0)
    zones          = optional(list(string), [])
  }))
  nullable = false

  validation {
    condition     = alltrue([for name in keys(var.pools) : can(regex("^[a-z][a-z0-9-]{0,30}$", name)) && name != "head"])
    error_message = "pools has ${join(", ", keys(var.pools))}: names are small letters, digits and -, and head is taken."
  }

  validation {
    condition     = alltrue([for zone in flatten([for pool in values(var.pools) : pool.zones]) : contains(var.zones, zone)])
    error_message = "pools are in ${join(", ", distinct(flatten([for pool in values(var.pools) : pool.zones])))}: give zones among ${join(", ", var.zones)}."
  }
}

variable "max_workers" {
  description = "The most workers at once, over all pools: the first limit of what an hour can cost."
  type        = number
  default     = 8
  nullable    = false

  validation {
    condition     = var.max_workers >= 0 && var.max_workers <= 1000 && var.max_workers >= sum(concat([0], [for pool in values(var.pools) : pool.min_workers]))
    error_message = "max_workers = ${var.max_workers}: give 0 to 1000, and no less than the pools' min_workers together, ${sum(concat([0], [for pool in values(var.pools) : pool.min_workers]))}."
  }
}

variable "idle_minutes" {
  description = "Minutes after which an idle worker is ended."
  type        = number
  default     = 5
  nullable    = false

  validation {
    condition     = var.idle_minutes >= 1 && var.idle_minutes <= 60
    error_message = "idle_minutes = ${var.idle_minutes}: give 1 to 60."
  }
}

# Money.

variable "budget" {
  description = "The month's budget: who hears of it, whether it counts the account or, once the tag gensweep:cluster is activated for billing, the cluster; and whether the head may start no instance when it is spent. Null for none."
  type = object({
    usd    = number
    emails = list(string)
    scope  = optional(string, "account")
    stop   = optional(bool, true)
  })
  default = null

  validation {
    condition     = try(var.budget.usd > 0 && length(var.budget.emails) >= 1 && length(var.budget.emails) <= 10 && alltrue([for email in var.budget.emails : can(regex("^[^@ ]+@[^@ ]+$", email))]) && contains(["account", "cluster"], var.budget.scope), var.budget == null)
    error_message = "budget = {usd = ${try(var.budget.usd, 0)}, emails = [${try(join(", ", var.budget.emails), "")}], scope = \"${try(var.budget.scope, "")}\"}: give more than 0, one to ten addresses, and account or cluster."
  }
}

variable "nightly" {
  description = "When head and tracking server stop and start, as five cron fields each; null for never."
  type = object({
    stop      = string
    start     = string
    time_zone = optional(string, "Etc/UTC")
  })
  default = null

  validation {
    condition     = try(alltrue([for cron in [var.nightly.stop, var.nightly.start] : can(regex("^\\S+( \\S+){4}$", cron))]) && can(regex("^[A-Z][A-Za-z_]+(/[A-Za-z_]+)*$", var.nightly.time_zone)), var.nightly == null)
    error_message = "nightly = {stop = \"${try(var.nightly.stop, "")}\", start = \"${try(var.nightly.start, "")}\", time_zone = \"${try(var.nightly.time_zone, "")}\"}: give five cron fields such as 0 20 * * 1-5, and a zone such as Europe/Berlin."
  }
}
