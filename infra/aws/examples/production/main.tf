# A database for ledgers and MLflow, no single zone or gateway that all depends on but the head's own,
# AWS services by private addresses, and pools from cheap spot GPUs to hosts of eight with EFA.

provider "aws" {
  region = var.region
}

module "gensweep" {
  source            = "../.."
  name              = "gensweep-prod"
  zones             = [for letter in ["a", "b", "c"] : "${var.region}${letter}"]
  nat               = "zone"
  private_endpoints = true
  bundle            = var.bundle
  dataset_buckets   = var.dataset_buckets
  undelete_days     = 90

  head     = { instance_type = "m7i.xlarge", volume_gb = 200 }
  tracking = { instance_type = "m7i.large", volume_gb = 50 }
  database = { instance_class = "db.m7g.large", storage_gb = 100, multi_az = true, backup_days = 30 }

  max_workers  = 40
  idle_minutes = 10

  pools = {
    # Spot first; after three failures in a row, the same types on demand.
    g6-spot = {
      instance_types = ["g6.xlarge", "g6.2xlarge", "g5.xlarge", "g5.2xlarge"]
      cpus           = 4
      gpus           = 1
      max_workers    = 32
    }
    g5 = {
      instance_types = ["g5.12xlarge"]
      cpus           = 48
      gpus           = 4
      max_workers    = 4
      market         = "on-demand"
    }
    p5 = {
      instance_types = ["p5.48xlarge"]
      cpus           = 192
      gpus           = 8
      max_workers    = 4
      market         = "on-demand"
      disk_gb        = 500
      efa_interfaces = 32
      zones          = ["${var.region}a"]
    }
  }

  budget = { usd = 20000, emails = [var.email], scope = "cluster" }
}
