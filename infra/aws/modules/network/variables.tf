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

variable "cidr" {
  description = "Addresses of the VPC: a sixteenth for each zone's hosts."
  type        = string
  nullable    = false

  validation {
    condition     = can(cidrnetmask(var.cidr)) && try(tonumber(split("/", var.cidr)[1]) >= 16 && tonumber(split("/", var.cidr)[1]) <= 20, false)
    error_message = "cidr = \"${var.cidr}\": give an IPv4 range from /16 to /20, such as 10.20.0.0/16."
  }
}

variable "zones" {
  description = "Availability zones; the head and the tracking server live in the first."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.zones) >= 2 && length(var.zones) <= 8 && length(distinct(var.zones)) == length(var.zones)
    error_message = "zones = [${join(", ", var.zones)}]: give two to eight different ones."
  }
}

variable "nat" {
  description = "NAT gateways: none, single (one for all zones) or zone (one in each)."
  type        = string
  nullable    = false

  validation {
    condition     = contains(["none", "single", "zone"], var.nat)
    error_message = "nat = \"${var.nat}\" is none of none, single, zone."
  }
}

variable "private_endpoints" {
  description = "Whether the AWS services are reached by interface endpoints, not through NAT."
  type        = bool
  nullable    = false
}

variable "log_days" {
  description = "Days for which flow logs are kept."
  type        = number
  nullable    = false

  validation {
    condition     = var.log_days >= 365
    error_message = "log_days = ${var.log_days}: an incident may be found late; keep logs for 365 days or more."
  }
}

variable "bucket_arns" {
  description = "The cluster's buckets, which its hosts read and write."
  type        = list(string)
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.bucket_arns : can(regex("^arn:[^:]+:s3:::", arn))])
    error_message = "bucket_arns = [${join(", ", var.bucket_arns)}]: each is the ARN of a bucket."
  }
}

variable "dataset_bucket_arns" {
  description = "Further buckets, which hosts may only read."
  type        = list(string)
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.dataset_bucket_arns : can(regex("^arn:[^:]+:s3:::", arn))])
    error_message = "dataset_bucket_arns = [${join(", ", var.dataset_bucket_arns)}]: each is the ARN of a bucket."
  }
}
