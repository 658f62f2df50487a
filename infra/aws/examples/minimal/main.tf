# One head, one tracking server, and one pool of spot GPUs that is empty while nothing runs.

provider "aws" {
  region = var.region
}

module "gensweep" {
  source = "../.."
  name   = "gensweep"
  zones  = ["${var.region}a", "${var.region}b"]
  bundle = var.bundle
  budget = { usd = 500, emails = [var.email] }

  pools = {
    g6-spot = { instance_types = ["g6.xlarge", "g5.xlarge"], cpus = 4, gpus = 1, max_workers = 4 }
  }
}
