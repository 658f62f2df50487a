output "arns" {
  description = "ARNs of the secrets: Ray's token, MLflow's user and MLflow's administrator."
  value = {
    token        = aws_secretsmanager_secret.this["ray-token"].arn
    mlflow       = aws_secretsmanager_secret.this["mlflow"].arn
    mlflow_admin = aws_secretsmanager_secret.this["mlflow-admin"].arn
  }
  # Who reads a secret needs its value.
  depends_on = [aws_secretsmanager_secret_version.token, aws_secretsmanager_secret_version.mlflow, aws_secretsmanager_secret_version.mlflow_admin]
}

output "ledger" {
  description = "The database's user of ledgers: its name and the ARN of its secret; null without a database."
  value       = var.ledger ? { user = local.ledger, secret = aws_secretsmanager_secret.this["ledger"].arn } : null
  depends_on  = [aws_secretsmanager_secret_version.ledger]
}
