# The AWS root of this project, applied to the region of a test. A connection to moto that a busy
# machine drops is worth another attempt: of one alone, a whole test run failed.

provider "aws" {
  region                      = "eu-central-1"
  access_key                  = "test"
  secret_key                  = "test"
  max_retries                 = 4
  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_metadata_api_check     = true
}

module "gensweep" {
  source        = "./aws"
  name          = "boot"
  cidr          = "10.77.0.0/16"
  zones         = ["eu-central-1a", "eu-central-1b"]
  nat           = "none"
  bundle        = var.bundle
  force_destroy = true
  max_workers   = 3
  idle_minutes  = 1
  images        = { cpu = local.image, gpu = local.image }

  pools = {
    small = { instance_types = ["m7i.large", "m6i.large"], cpus = 1, gpus = 0, max_workers = 3 }
  }
}

locals {
  image = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64" # moto knows it
}

variable "bundle" {
  type = string
}

output "gensweep" {
  value = module.gensweep
}
