BEGIN TRANSACTION;
CREATE TABLE jobs (
	job_id BIGINT NOT NULL, 
	name VARCHAR NOT NULL, 
	creator VARCHAR NOT NULL, 
	run_as VARCHAR NOT NULL, 
	created_at BIGINT NOT NULL, 
	settings TEXT NOT NULL, 
	listed BOOLEAN NOT NULL, 
	PRIMARY KEY (job_id)
);
INSERT INTO "jobs" VALUES(1795265176323000,'old job','root@localhost','root@localhost',1795265176323,'{"max_concurrent_runs": 1, "format": "MULTI_TASK", "timeout_seconds": 0, "email_notifications": {}, "webhook_notifications": {}, "name": "old job", "tasks": [{"run_if": "ALL_SUCCESS", "timeout_seconds": 0, "email_notifications": {}, "notebook_task": {"source": "WORKSPACE", "notebook_path": "/Shared/old/missing"}, "task_key": "t"}]}',1);
CREATE TABLE principals (
	id BIGINT NOT NULL, 
	user_name VARCHAR NOT NULL, 
	display_name VARCHAR NOT NULL, 
	active BOOLEAN NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (user_name)
);
INSERT INTO "principals" VALUES(1309039379103806,'root@localhost','root',1);
CREATE TABLE registered_models (
	name VARCHAR NOT NULL, 
	catalog_name VARCHAR NOT NULL, 
	schema_name VARCHAR NOT NULL, 
	description TEXT, 
	owner VARCHAR NOT NULL, 
	created_at BIGINT NOT NULL, 
	created_by VARCHAR NOT NULL, 
	updated_at BIGINT NOT NULL, 
	updated_by VARCHAR NOT NULL, 
	next_version INTEGER NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "registered_models" VALUES('old_catalog.s.m','old_catalog','s',NULL,'root@localhost',1795265181044,'root@localhost',1795265181044,'root@localhost',1);
CREATE TABLE model_versions (
	name VARCHAR NOT NULL, 
	version INTEGER NOT NULL, 
	id VARCHAR NOT NULL, 
	status VARCHAR NOT NULL, 
	source TEXT, 
	run_id VARCHAR, 
	run_workspace_id VARCHAR, 
	model_id VARCHAR, 
	feature_deps TEXT, 
	dependencies TEXT NOT NULL, 
	description TEXT, 
	created_at BIGINT NOT NULL, 
	created_by VARCHAR NOT NULL, 
	updated_at BIGINT NOT NULL, 
	updated_by VARCHAR NOT NULL, 
	PRIMARY KEY (name, version), 
	FOREIGN KEY(name) REFERENCES registered_models (name) ON DELETE CASCADE, 
	UNIQUE (id)
);
CREATE TABLE model_version_lineage (
	id INTEGER NOT NULL, 
	name VARCHAR NOT NULL, 
	version INTEGER NOT NULL, 
	direction VARCHAR NOT NULL, 
	entities TEXT NOT NULL, 
	recorded_at BIGINT NOT NULL, 
	recorded_by VARCHAR NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(name, version) REFERENCES model_versions (name, version) ON DELETE CASCADE
);
CREATE TABLE model_version_tags (
	name VARCHAR NOT NULL, 
	version INTEGER NOT NULL, 
	"key" VARCHAR NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY (name, version, "key"), 
	FOREIGN KEY(name, version) REFERENCES model_versions (name, version) ON DELETE CASCADE
);
CREATE TABLE registered_model_aliases (
	name VARCHAR NOT NULL, 
	alias VARCHAR NOT NULL, 
	version INTEGER NOT NULL, 
	PRIMARY KEY (name, alias), 
	FOREIGN KEY(name, version) REFERENCES model_versions (name, version) ON DELETE CASCADE
);
CREATE TABLE registered_model_tags (
	name VARCHAR NOT NULL, 
	"key" VARCHAR NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY (name, "key"), 
	FOREIGN KEY(name) REFERENCES registered_models (name) ON DELETE CASCADE
);
CREATE TABLE runs (
	run_id BIGINT NOT NULL, 
	job_id BIGINT NOT NULL, 
	name VARCHAR NOT NULL, 
	creator VARCHAR NOT NULL, 
	run_as VARCHAR NOT NULL, 
	run_type VARCHAR NOT NULL, 
	request TEXT NOT NULL, 
	settings TEXT NOT NULL, 
	idempotency VARCHAR, 
	created_at BIGINT NOT NULL, 
	started_at BIGINT, 
	ended_at BIGINT, 
	state TEXT NOT NULL, 
	life_cycle VARCHAR NOT NULL, 
	active BOOLEAN NOT NULL, 
	stopping VARCHAR, 
	token_id VARCHAR, 
	PRIMARY KEY (run_id), 
	UNIQUE (idempotency)
);
INSERT INTO "runs" VALUES(1795265176345000,1795265176323000,'old job','root@localhost','root@localhost','JOB_RUN','{"parameters": {}, "overriding": {}, "job_parameters": {}, "only": []}','{"max_concurrent_runs": 1, "format": "MULTI_TASK", "timeout_seconds": 0, "email_notifications": {}, "webhook_notifications": {}, "name": "old job", "tasks": [{"run_if": "ALL_SUCCESS", "timeout_seconds": 0, "email_notifications": {}, "notebook_task": {"source": "WORKSPACE", "notebook_path": "/Shared/old/missing"}, "task_key": "t"}]}',NULL,1795265176345,1795265176364,1795265178801,'{"life_cycle": "INTERNAL_ERROR", "result": "FAILED", "message": "Task t failed with message: FileNotFoundError: the notebook /Shared/old/missing does not exist in the workspace.", "code": "RUN_EXECUTION_ERROR"}','INTERNAL_ERROR',0,NULL,NULL);
CREATE TABLE schema_version (
	version INTEGER NOT NULL, 
	PRIMARY KEY (version)
);
INSERT INTO "schema_version" VALUES(1);
CREATE TABLE secret_scopes (
	id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	created_at BIGINT NOT NULL, 
	created_by VARCHAR NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "secret_scopes" VALUES('old','old',1795265175751,'root@localhost');
CREATE TABLE secret_values (
	scope VARCHAR NOT NULL, 
	"key" VARCHAR NOT NULL, 
	sealed BLOB NOT NULL, 
	updated_at BIGINT NOT NULL, 
	PRIMARY KEY (scope, "key"), 
	FOREIGN KEY(scope) REFERENCES secret_scopes (id) ON DELETE CASCADE
);
CREATE TABLE serving_endpoints (
	name VARCHAR NOT NULL, 
	id VARCHAR NOT NULL, 
	creator VARCHAR NOT NULL, 
	description VARCHAR, 
	created_at BIGINT NOT NULL, 
	updated_at BIGINT NOT NULL, 
	tags JSON NOT NULL, 
	config JSON NOT NULL, 
	config_version INTEGER NOT NULL, 
	pending_config JSON, 
	pending_at BIGINT, 
	failure VARCHAR, 
	PRIMARY KEY (name)
);
CREATE TABLE task_runs (
	run_id BIGINT NOT NULL, 
	job_run_id BIGINT NOT NULL, 
	task_key VARCHAR NOT NULL, 
	attempt INTEGER NOT NULL, 
	state TEXT NOT NULL, 
	due_at BIGINT, 
	started_at BIGINT, 
	ended_at BIGINT, 
	resolved TEXT, 
	outcome TEXT, 
	PRIMARY KEY (run_id)
);
INSERT INTO "task_runs" VALUES(1795265176347000,1795265176345000,'t',0,'{"life_cycle": "TERMINATED", "result": "FAILED", "message": "FileNotFoundError: the notebook /Shared/old/missing does not exist in the workspace", "code": "RUN_EXECUTION_ERROR"}',NULL,1795265176364,1795265178801,'{"notebook_task": {"base_parameters": {}}}','{"state": "FAILED", "message": "FileNotFoundError: the notebook /Shared/old/missing does not exist in the workspace", "result": null, "truncated": false, "error": "FileNotFoundError: the notebook /Shared/old/missing does not exist in the workspace", "error_trace": null, "task_values": {}}');
CREATE TABLE tokens (
	id VARCHAR NOT NULL, 
	hash VARCHAR NOT NULL, 
	principal_id BIGINT NOT NULL, 
	comment VARCHAR NOT NULL, 
	created_at BIGINT NOT NULL, 
	expires_at BIGINT, 
	listed BOOLEAN NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (hash), 
	FOREIGN KEY(principal_id) REFERENCES principals (id)
);
INSERT INTO "tokens" VALUES('b2b011dc395b6b038a79146372cc76bc79ee64a9dd6a4b051d5c643fb894556c','f9d2fbe7b04add6d3c5edc194156ba78aae3724feceb49c1c6df2cbfb6506b63',1309039379103806,'created with the workspace',1795265174586,NULL,1);
CREATE TABLE uc_catalogs (
	full_name VARCHAR NOT NULL, 
	id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	owner VARCHAR NOT NULL, 
	comment TEXT, 
	created_at BIGINT NOT NULL, 
	created_by VARCHAR NOT NULL, 
	updated_at BIGINT NOT NULL, 
	updated_by VARCHAR NOT NULL, 
	properties TEXT, 
	PRIMARY KEY (full_name), 
	UNIQUE (id)
);
INSERT INTO "uc_catalogs" VALUES('main','a386642b-f095-4284-ac6d-aafcf88e0505','main','root@localhost',NULL,1795265180529,'root@localhost',1795265180529,'root@localhost',NULL);
INSERT INTO "uc_catalogs" VALUES('old_catalog','7cddf154-9513-4c5c-8281-49c4c09beb80','old_catalog','root@localhost',NULL,1795265180544,'root@localhost',1795265180544,'root@localhost',NULL);
CREATE TABLE uc_schemas (
	full_name VARCHAR NOT NULL, 
	parent VARCHAR NOT NULL, 
	id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	owner VARCHAR NOT NULL, 
	comment TEXT, 
	created_at BIGINT NOT NULL, 
	created_by VARCHAR NOT NULL, 
	updated_at BIGINT NOT NULL, 
	updated_by VARCHAR NOT NULL, 
	properties TEXT, 
	PRIMARY KEY (full_name), 
	FOREIGN KEY(parent) REFERENCES uc_catalogs (full_name), 
	UNIQUE (id)
);
INSERT INTO "uc_schemas" VALUES('main.default','main','e6b3eb6b-cab8-4867-9947-28382131b4cb','default','root@localhost',NULL,1795265180543,'root@localhost',1795265180543,'root@localhost',NULL);
INSERT INTO "uc_schemas" VALUES('old_catalog.default','old_catalog','ee81efea-5ad8-4ce6-a1ed-895dd14daa35','default','root@localhost',NULL,1795265180558,'root@localhost',1795265180558,'root@localhost',NULL);
INSERT INTO "uc_schemas" VALUES('old_catalog.s','old_catalog','c9550999-1ae6-4f3d-b392-7d8398fa66be','s','root@localhost',NULL,1795265181013,'root@localhost',1795265181013,'root@localhost',NULL);
CREATE TABLE uc_tables (
	full_name VARCHAR NOT NULL, 
	parent VARCHAR NOT NULL, 
	id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	owner VARCHAR NOT NULL, 
	comment TEXT, 
	created_at BIGINT NOT NULL, 
	created_by VARCHAR NOT NULL, 
	updated_at BIGINT NOT NULL, 
	updated_by VARCHAR NOT NULL, 
	properties TEXT, 
	table_type VARCHAR NOT NULL, 
	format VARCHAR, 
	location VARCHAR, 
	columns TEXT, 
	view_definition TEXT, 
	PRIMARY KEY (full_name), 
	FOREIGN KEY(parent) REFERENCES uc_schemas (full_name), 
	UNIQUE (id)
);
CREATE TABLE uc_volumes (
	full_name VARCHAR NOT NULL, 
	parent VARCHAR NOT NULL, 
	id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	owner VARCHAR NOT NULL, 
	comment TEXT, 
	created_at BIGINT NOT NULL, 
	created_by VARCHAR NOT NULL, 
	updated_at BIGINT NOT NULL, 
	updated_by VARCHAR NOT NULL, 
	location VARCHAR NOT NULL, 
	PRIMARY KEY (full_name), 
	FOREIGN KEY(parent) REFERENCES uc_schemas (full_name), 
	UNIQUE (id)
);
CREATE TABLE workspace_objects (
	id BIGINT NOT NULL, 
	path VARCHAR NOT NULL, 
	parent VARCHAR NOT NULL, 
	kind VARCHAR NOT NULL, 
	language VARCHAR, 
	created_at BIGINT NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (path)
);
CREATE INDEX ix_workspace_objects_parent ON workspace_objects (parent);
CREATE INDEX ix_runs_job_id ON runs (job_id);
CREATE INDEX runs_active ON runs (active, job_id);
CREATE INDEX ix_task_runs_job_run_id ON task_runs (job_run_id);
CREATE INDEX registered_models_by_schema ON registered_models (catalog_name, schema_name);
CREATE INDEX ix_uc_schemas_parent ON uc_schemas (parent);
CREATE INDEX ix_model_versions_run_id ON model_versions (run_id);
CREATE INDEX ix_uc_tables_parent ON uc_tables (parent);
CREATE INDEX ix_uc_volumes_parent ON uc_volumes (parent);
COMMIT;
