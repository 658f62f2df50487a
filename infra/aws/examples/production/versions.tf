terraform {
  required_version = ">= 1.11"

  # What names the bucket is in backend.hcl: `terraform init -backend-config=backend.hcl`.
  backend "s3" {}

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}
