# Made by Secrets Manager and handed straight back to it: neither plan nor state ever holds a value.

ephemeral "aws_secretsmanager_random_password" "this" {
  for_each            = toset(["token", "admin", "user", "flask_key", "ledger"])
  password_length     = 48
  exclude_punctuation = true
}

locals {
  name   = var.cluster.name
  ledger = "ledger"
  secrets = merge({
    ray-token    = "The token that every caller of the Ray cluster shows"
    mlflow       = "The user by whom the cluster's hosts write to the MLflow server"
    mlflow-admin = "The administrator of the MLflow server, and the key of its sessions"
    }, !var.ledger ? {} : {
    ledger = "The database's user by whom the head keeps ledgers, which sees nothing of MLflow"
  })
}

resource "aws_secretsmanager_secret" "this" {
  #checkov:skip=CKV2_AWS_57:Rotated by secrets_version, as hosts read them when they start.
  for_each                = local.secrets
  name_prefix             = "${local.name}/${each.key}-"
  description             = each.value
  kms_key_id              = var.key_arn
  recovery_window_in_days = var.force_destroy ? 0 : 7
  tags                    = var.cluster.tags
}

resource "aws_secretsmanager_secret_version" "token" {
  secret_id                = aws_secretsmanager_secret.this["ray-token"].id
  secret_string_wo         = ephemeral.aws_secretsmanager_random_password.this["token"].random_password
  secret_string_wo_version = var.secrets_version
}

resource "aws_secretsmanager_secret_version" "mlflow" {
  secret_id                = aws_secretsmanager_secret.this["mlflow"].id
  secret_string_wo_version = var.secrets_version
  secret_string_wo = jsonencode({
    username = "gensweep"
    password = ephemeral.aws_secretsmanager_random_password.this["user"].random_password
  })
}

resource "aws_secretsmanager_secret_version" "mlflow_admin" {
  secret_id                = aws_secretsmanager_secret.this["mlflow-admin"].id
  secret_string_wo_version = var.secrets_version
  secret_string_wo = jsonencode({
    username  = "admin"
    password  = ephemeral.aws_secretsmanager_random_password.this["admin"].random_password
    flask_key = ephemeral.aws_secretsmanager_random_password.this["flask_key"].random_password
  })
}

resource "aws_secretsmanager_secret_version" "ledger" {
  count                    = var.ledger ? 1 : 0
  secret_id                = aws_secretsmanager_secret.this["ledger"].id
  secret_string_wo_version = var.secrets_version
  secret_string_wo = jsonencode({
    username = local.ledger
    password = ephemeral.aws_secretsmanager_random_password.this["ledger"].random_password
  })
}
