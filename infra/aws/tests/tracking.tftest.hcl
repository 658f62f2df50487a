mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  cluster = {
    name      = "gensweep"
    account   = "123456789012"
    partition = "aws"
    region    = "eu-central-1"
    tags      = { "gensweep:cluster" = "gensweep" }
  }
  boundary        = "arn:aws:iam::123456789012:policy/gensweep-boundary"
  key_arn         = "arn:aws:kms:eu-central-1:123456789012:key/1111"
  image_id        = "ami-0123456789abcdef0"
  settings        = { GENSWEEP_CLUSTER = "gensweep" }
  policies        = { host = "arn:aws:iam::123456789012:policy/gensweep-host" }
  machine         = { instance_type = "m7i.large", volume_gb = 50 }
  place           = { zone = "eu-central-1a", subnet_id = "subnet-0123456789abcdef0" }
  zone            = { id = "Z1", name = "gensweep.internal", arn = "arn:aws:route53:::hostedzone/Z1" }
  force_destroy   = false
  security_groups = { tracking = "sg-0123456789abcdef0", database = "sg-0123456789abcdef1" }
  subnet_ids      = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
  artifacts       = { name = "ours", arn = "arn:aws:s3:::ours" }
  admin_secret    = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:gensweep/mlflow-admin-abcdef"
  log_days        = 365
  database        = { instance_class = "db.t4g.small", storage_gb = 20, multi_az = false, backup_days = 7, deletion_protection = true }
  ledger          = { user = "ledger", secret = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:gensweep/ledger-abcdef" }
}

run "with_database" {
  command = plan

  module {
    source = "./modules/tracking"
  }

  assert {
    condition     = aws_db_instance.this[0].storage_encrypted && aws_db_instance.this[0].kms_key_id == var.key_arn
    error_message = "The database is encrypted."
  }

  assert {
    condition     = !aws_db_instance.this[0].publicly_accessible && aws_db_instance.this[0].vpc_security_group_ids == toset(["sg-0123456789abcdef1"])
    error_message = "The database is private."
  }

  assert {
    condition     = aws_db_instance.this[0].manage_master_user_password && aws_db_instance.this[0].password == null
    error_message = "The password is in no state."
  }

  assert {
    condition     = one([for p in aws_db_parameter_group.this[0].parameter : p.value if p.name == "rds.force_ssl"]) == "1" && aws_db_instance.this[0].parameter_group_name == aws_db_parameter_group.this[0].name
    error_message = "The database wants TLS."
  }

  assert {
    condition     = aws_db_instance.this[0].enabled_cloudwatch_logs_exports == toset(["postgresql", "upgrade"]) && alltrue([for kind, group in aws_cloudwatch_log_group.database : group.name == "/aws/rds/instance/gensweep/${kind}" && group.retention_in_days == 365 && group.kms_key_id == var.key_arn])
    error_message = "The database's logs are encrypted by the key, for a year."
  }

  assert {
    condition     = aws_db_instance.this[0].backup_retention_period == 7 && aws_db_instance.this[0].deletion_protection && !aws_db_instance.this[0].skip_final_snapshot
    error_message = "The database is backed up, and not deleted by mistake."
  }

  assert {
    condition     = [for s in jsondecode(aws_iam_role_policy.artifacts.policy).Statement : s.Resource if s.Sid == "Objects"] == [["arn:aws:s3:::ours/mlflow/*"]]
    error_message = "The server writes its own prefix."
  }

  assert {
    condition     = [for s in jsondecode(aws_iam_role_policy.artifacts.policy).Statement : s.Resource if s.Sid == "Database"] == [[aws_db_instance.this[0].master_user_secret[0].secret_arn, var.ledger.secret]]
    error_message = "The server reads the secrets of the database's owner and of the user whom it makes."
  }

  assert {
    condition     = output.ledger.user == "ledger" && output.ledger.secret == var.ledger.secret && output.ledger.secret != aws_db_instance.this[0].master_user_secret[0].secret_arn
    error_message = "Ledgers are not kept by the database's owner."
  }

  assert {
    condition     = output.ledger.ca == "https://truststore.pki.rds.amazonaws.com/eu-central-1/eu-central-1-bundle.pem"
    error_message = "The database is known by Amazon's certificates of the region."
  }
}

run "without_database" {
  command = plan

  module {
    source = "./modules/tracking"
  }

  variables {
    database = null
    ledger   = null
  }

  assert {
    condition     = length(aws_db_instance.this) == 0 && output.ledger == null
    error_message = "SQLite is enough for small clusters."
  }

  assert {
    condition     = alltrue([for s in jsondecode(aws_iam_role_policy.artifacts.policy).Statement : s.Sid != "Database"])
    error_message = "Without a database there is no secret of one."
  }
}

run "refuses" {
  command = plan

  module {
    source = "./modules/tracking"
  }

  variables {
    log_days        = 30
    cluster         = { name = "gensweep", account = "123456789012", partition = "aws", region = "eu-central-1", tags = {} }
    boundary        = "everyones"
    key_arn         = "alias/aws/s3"
    image_id        = "ubuntu"
    policies        = { host = "host" }
    machine         = { instance_type = "large", volume_gb = 50 }
    zone            = { id = "Z1", name = "example.org", arn = "arn:aws:route53:::hostedzone/Z1" }
    security_groups = {}
    subnet_ids      = ["subnet-0123456789abcdef0"]
    artifacts       = { name = "ours", arn = "ours" }
    admin_secret    = "admin"
    database        = { instance_class = "small", storage_gb = 20, multi_az = false, backup_days = 7, deletion_protection = true }
  }

  expect_failures = [
    var.log_days,
    var.cluster,
    var.boundary,
    var.key_arn,
    var.image_id,
    var.policies,
    var.machine,
    var.zone,
    var.security_groups,
    var.subnet_ids,
    var.artifacts,
    var.admin_secret,
    var.database,
  ]
}

run "refuses_a_database_without_a_user" {
  command = plan

  module {
    source = "./modules/tracking"
  }

  variables {
    ledger = null
  }

  expect_failures = [
    var.ledger,
  ]
}

run "refuses_settings_and_place" {
  command = plan

  module {
    source = "./modules/tracking"
  }

  variables {
    ledger   = { user = "ledger", secret = "ledger" }
    settings = {}
    place    = { zone = "us-east-1a", subnet_id = "subnet-1" }
  }

  expect_failures = [
    var.ledger,
    var.settings,
    var.place,
  ]
}

run "refuses_storage" {
  command = plan

  module {
    source = "./modules/tracking"
  }

  variables {
    database = { instance_class = "db.t4g.small", storage_gb = 1, multi_az = false, backup_days = 7, deletion_protection = true }
  }

  expect_failures = [
    var.database,
  ]
}

run "refuses_backups" {
  command = plan

  module {
    source = "./modules/tracking"
  }

  variables {
    database = { instance_class = "db.t4g.small", storage_gb = 20, multi_az = false, backup_days = 0, deletion_protection = true }
  }

  expect_failures = [
    var.database,
  ]
}

run "refuses_certificates_from_anywhere" {
  command = plan

  module {
    source = "./modules/tracking"
  }

  variables {
    database = { instance_class = "db.t4g.small", storage_gb = 20, multi_az = false, backup_days = 7, deletion_protection = true, ca = "http://example.org/bundle.pem" }
  }

  expect_failures = [
    var.database,
  ]
}
