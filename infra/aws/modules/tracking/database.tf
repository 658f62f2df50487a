# PostgreSQL, where it is wanted: for MLflow, and for the ledgers of studies.

resource "aws_db_subnet_group" "this" {
  count       = var.database == null ? 0 : 1
  name        = var.cluster.name
  description = "Where the database of ${var.cluster.name} is"
  subnet_ids  = var.subnet_ids
  tags        = var.cluster.tags
}

resource "aws_db_parameter_group" "this" {
  count       = var.database == null ? 0 : 1
  name        = var.cluster.name
  family      = "postgres16"
  description = "TLS alone; statements that change tables are logged"
  tags        = var.cluster.tags

  parameter {
    name  = "rds.force_ssl"
    value = "1"
  }

  parameter {
    name  = "log_statement"
    value = "ddl"
  }

  parameter {
    name  = "log_min_duration_statement"
    value = "1000"
  }
}

# RDS would make them itself, without an end and without our key.
resource "aws_cloudwatch_log_group" "database" {
  for_each          = var.database == null ? [] : toset(["postgresql", "upgrade"])
  name              = "/aws/rds/instance/${var.cluster.name}/${each.key}"
  kms_key_id        = var.key_arn
  retention_in_days = var.log_days
  tags              = var.cluster.tags
}

resource "aws_db_instance" "this" {
  #checkov:skip=CKV_AWS_118:The metrics of one minute that come without a further role are enough.
  #checkov:skip=CKV_AWS_157:multi_az is for the caller to pay for; the ledger is also in S3.
  #checkov:skip=CKV_AWS_161:Passwords come from Secrets Manager; IAM tokens end after 15 minutes.
  #checkov:skip=CKV_AWS_293:deletion_protection is for the caller to choose, so that clusters can end.
  count      = var.database == null ? 0 : 1
  identifier = var.cluster.name
  tags       = var.cluster.tags

  engine               = "postgres"
  engine_version       = "16"
  instance_class       = var.database.instance_class
  parameter_group_name = aws_db_parameter_group.this[0].name
  db_name              = "gensweep"
  username             = "gensweep"

  manage_master_user_password   = true
  master_user_secret_kms_key_id = var.key_arn

  storage_type          = "gp3"
  allocated_storage     = var.database.storage_gb
  max_allocated_storage = 4 * var.database.storage_gb
  storage_encrypted     = true
  kms_key_id            = var.key_arn

  db_subnet_group_name   = aws_db_subnet_group.this[0].name
  vpc_security_group_ids = [var.security_groups["database"]]
  publicly_accessible    = false
  multi_az               = var.database.multi_az

  backup_retention_period    = var.database.backup_days
  copy_tags_to_snapshot      = true
  deletion_protection        = var.database.deletion_protection
  skip_final_snapshot        = var.force_destroy
  final_snapshot_identifier  = "${var.cluster.name}-final"
  auto_minor_version_upgrade = true

  enabled_cloudwatch_logs_exports = keys(aws_cloudwatch_log_group.database)
  performance_insights_enabled    = true
  performance_insights_kms_key_id = var.key_arn
}
