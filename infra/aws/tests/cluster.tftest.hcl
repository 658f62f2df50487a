# The root as a whole: what a caller can rely on, and what it refuses. The provider is the real one,
# as Terraform cannot mock what is ephemeral: AWS_ENDPOINT_URL has to lead to an emulator.

provider "aws" {
  region                      = "eu-central-1"
  access_key                  = "tester"
  secret_key                  = "tester"
  max_retries                 = 1
  skip_credentials_validation = true
  skip_metadata_api_check     = true
}

override_data {
  target = data.aws_ssm_parameter.image
  values = { value = "ami-0123456789abcdef0" }
}

override_resource {
  target          = module.storage.aws_kms_key.this
  override_during = plan
  values          = { arn = "arn:aws:kms:eu-central-1:123456789012:key/11111111-1111-1111-1111-111111111111", key_id = "11111111-1111-1111-1111-111111111111" }
}

variables {
  name   = "gensweep"
  zones  = ["eu-central-1a", "eu-central-1b"]
  bundle = "./versions.tf"
  pools = {
    g6-spot = { instance_types = ["g6.xlarge", "g5.xlarge"], cpus = 4, gpus = 1, max_workers = 4 }
  }
}

run "commands" {
  command = plan

  assert {
    condition     = strcontains(output.dashboard_command, "portNumber=8265,localPortNumber=8265")
    error_message = "The dashboard is reached by port forwarding."
  }

  assert {
    condition     = strcontains(output.mlflow_command, "portNumber=5000,localPortNumber=5000")
    error_message = "MLflow is reached by port forwarding."
  }

  assert {
    condition     = yamldecode(output.autoscaler).available_node_types.g6-spot.max_workers == 4
    error_message = "The autoscaler knows the pool."
  }
}
