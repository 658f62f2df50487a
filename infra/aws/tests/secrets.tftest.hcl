# Real secrets in an emulator, as Terraform cannot mock what is ephemeral: AWS_ENDPOINT_URL leads to it.

provider "aws" {
  region                      = "eu-central-1"
  access_key                  = "tester"
  secret_key                  = "tester"
  max_retries                 = 1
  skip_credentials_validation = true
  skip_metadata_api_check     = true
}

variables {
  cluster = {
    name      = "gensweep"
    account   = "123456789012"
    partition = "aws"
    region    = "eu-central-1"
    tags      = { "gensweep:cluster" = "gensweep" }
  }
  key_arn         = "arn:aws:kms:eu-central-1:123456789012:key/1111"
  secrets_version = 1
  ledger          = true
  force_destroy   = true
}

run "secrets" {
  command = apply

  module {
    source = "./modules/secrets"
  }

  assert {
    condition     = alltrue([for secret in aws_secretsmanager_secret.this : secret.kms_key_id == var.key_arn && secret.recovery_window_in_days == 0])
    error_message = "Secrets are encrypted by the cluster's key."
  }

  assert {
    condition     = alltrue([for version in [aws_secretsmanager_secret_version.token, aws_secretsmanager_secret_version.mlflow, aws_secretsmanager_secret_version.mlflow_admin, aws_secretsmanager_secret_version.ledger[0]] : (version.secret_string == null || version.secret_string == "") && version.secret_string_wo == null])
    error_message = "No value is in the state."
  }

  assert {
    condition     = output.ledger.secret == aws_secretsmanager_secret.this["ledger"].arn
    error_message = "The user of ledgers has a secret of its own."
  }
}

run "without_a_database" {
  command = plan

  module {
    source = "./modules/secrets"
  }

  variables {
    ledger = false
  }

  assert {
    condition     = output.ledger == null && length(aws_secretsmanager_secret.this) == 3
    error_message = "Without a database nobody needs a user of it."
  }
}

run "refuses" {
  command = plan

  module {
    source = "./modules/secrets"
  }

  variables {
    cluster         = { name = "gensweep", account = "123456789012", partition = "aws", region = "eu-central-1", tags = {} }
    key_arn         = "alias/aws/s3"
    secrets_version = 0
  }

  expect_failures = [
    var.cluster,
    var.key_arn,
    var.secrets_version,
  ]
}
