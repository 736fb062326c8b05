BEGIN TRANSACTION;
CREATE TABLE candidates (
	seq INTEGER NOT NULL,
	id TEXT NOT NULL,
	method TEXT NOT NULL,
	seed BIGINT NOT NULL,
	CONSTRAINT candidates_pk PRIMARY KEY (seq),
	CONSTRAINT candidates_seq_fk FOREIGN KEY(seq) REFERENCES entries (seq)
);
INSERT INTO "candidates" VALUES(6,'sha256:2c7203549365a19104fed7c3da0bbb17abbb5cc96de68c67d7ee22650479e4cd','linear',0);
CREATE TABLE claims (
	seq INTEGER NOT NULL,
	model TEXT NOT NULL,
	identity TEXT NOT NULL,
	expression TEXT NOT NULL,
	origin TEXT NOT NULL,
	CONSTRAINT claims_pk PRIMARY KEY (seq),
	CONSTRAINT claims_seq_fk FOREIGN KEY(seq) REFERENCES entries (seq)
);
INSERT INTO "claims" VALUES(3,'org/ann','sha256:46404212dc736179d7df1ef751f699247355663212a00b07811bf872f4897af3','Apache-2.0','card');
INSERT INTO "claims" VALUES(4,'org/bob','sha256:ca29440ad899648919e70379844d8c5acc2787327b4b974e000976a7b605fe94','Apache-2.0','card');
INSERT INTO "claims" VALUES(11,'org/ann','sha256:46404212dc736179d7df1ef751f699247355663212a00b07811bf872f4897af3','','human');
CREATE TABLE contributions (
	seq INTEGER NOT NULL,
	position INTEGER NOT NULL,
	reference TEXT NOT NULL,
	nominal TEXT NOT NULL,
	effective TEXT NOT NULL,
	alignment TEXT NOT NULL,
	identity TEXT,
	used BOOLEAN NOT NULL,
	CONSTRAINT contributions_pk PRIMARY KEY (seq, position),
	CONSTRAINT contributions_seq_fk FOREIGN KEY(seq) REFERENCES entries (seq)
);
INSERT INTO "contributions" VALUES(6,0,'org/ann','0.600000000','0.600000000','0.600000000','sha256:46404212dc736179d7df1ef751f699247355663212a00b07811bf872f4897af3',1);
INSERT INTO "contributions" VALUES(6,1,'org/bob','0.400000000','0.400000000','0.400000000','sha256:ca29440ad899648919e70379844d8c5acc2787327b4b974e000976a7b605fe94',1);
CREATE TABLE decisions (
	seq INTEGER NOT NULL,
	digest TEXT NOT NULL,
	intent TEXT NOT NULL,
	verdict TEXT NOT NULL,
	CONSTRAINT decisions_pk PRIMARY KEY (seq),
	CONSTRAINT decisions_seq_fk FOREIGN KEY(seq) REFERENCES entries (seq)
);
INSERT INTO "decisions" VALUES(5,'sha256:c1ccec6a481f02c022c70e2faf9ea16321ac44b6dac5c8af901fe527c89faecd','commercial','attribute');
CREATE TABLE edges (
	seq INTEGER NOT NULL,
	child TEXT NOT NULL,
	identity TEXT NOT NULL,
	parent TEXT NOT NULL,
	relation TEXT NOT NULL,
	origin TEXT NOT NULL,
	revision TEXT,
	parent_identity TEXT,
	CONSTRAINT edges_pk PRIMARY KEY (seq),
	CONSTRAINT edges_seq_fk FOREIGN KEY(seq) REFERENCES entries (seq)
);
INSERT INTO "edges" VALUES(8,'org/ann','sha256:46404212dc736179d7df1ef751f699247355663212a00b07811bf872f4897af3','org/bob','finetune','card','1c7e0d2000000000000000000000000000000000','sha256:ca29440ad899648919e70379844d8c5acc2787327b4b974e000976a7b605fe94');
INSERT INTO "edges" VALUES(9,'org/bob','sha256:ca29440ad899648919e70379844d8c5acc2787327b4b974e000976a7b605fe94','org/\\0\0','finetune','card','1c7e0d2000000000000000000000000000000000','sha256:46404212dc736179d7df1ef751f699247355663212a00b07811bf872f4897af3');
CREATE TABLE entries (
	seq INTEGER NOT NULL,
	prev TEXT NOT NULL,
	kind TEXT NOT NULL,
	body TEXT NOT NULL,
	hash TEXT NOT NULL,
	CONSTRAINT entries_pk PRIMARY KEY (seq),
	CONSTRAINT entries_prev_unique UNIQUE (prev),
	CONSTRAINT entries_hash_unique UNIQUE (hash)
);
INSERT INTO "entries" VALUES(1,'sha256:0000000000000000000000000000000000000000000000000000000000000000','model','{"at":"2026-03-04T12:00:00Z","by":"ann","location":"/models/ann","record":{"adapter":{"adapter":null,"card":{"authors":[],"base_model":[],"base_model_relation":null,"license":[],"license_link":null,"license_name":null},"files":[{"digest":"sha256:e5e2a7739c0a7e8507b49a9360edae34720b8bb7605f6402fcfaed39c5c2cb00","measured":true,"path":"model.safetensors","role":"weights","size":15}],"name":"org/ann-lora","origin":"local","revision":null},"card":{"authors":[],"base_model":["org/base"],"base_model_relation":null,"license":["apache-2.0"],"license_link":null,"license_name":null},"files":[{"digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","measured":true,"path":"config.json","role":"config","size":2},{"digest":"sha256:8e8f7ac79346a33fe798bda4fb18957446d723742b824b33ae0a177d1ce97d34","measured":true,"path":"model.safetensors","role":"weights","size":7}],"name":"org/ann","origin":"hub","revision":"1c7e0d2000000000000000000000000000000000"},"schema":"evoreg/model/1"}','sha256:cadfe57dd949ae864d7f834a6a0066b4bdd7a1b676470709259b6e2b99b84d46');
INSERT INTO "entries" VALUES(2,'sha256:cadfe57dd949ae864d7f834a6a0066b4bdd7a1b676470709259b6e2b99b84d46','model','{"at":"2026-03-04T12:00:00Z","by":"ann","record":{"adapter":{"adapter":null,"card":{"authors":[],"base_model":[],"base_model_relation":null,"license":[],"license_link":null,"license_name":null},"files":[{"digest":"sha256:fa381c656a269aac8f7357375d9e52fad1d060e249027f807b81bb7402cfd0dd","measured":true,"path":"model.safetensors","role":"weights","size":15}],"name":"org/bob-lora","origin":"local","revision":null},"card":{"authors":[],"base_model":["org/base"],"base_model_relation":null,"license":["apache-2.0"],"license_link":null,"license_name":null},"files":[{"digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","measured":true,"path":"config.json","role":"config","size":2},{"digest":"sha256:183e9e877d02c1c72918ee79c6a7826dd7bffe121e1ab71c843e2747b93b5f8d","measured":true,"path":"model.safetensors","role":"weights","size":7}],"name":"org/bob","origin":"hub","revision":"1c7e0d2000000000000000000000000000000000"},"schema":"evoreg/model/1"}','sha256:19fc24f26e1e37e397a4596b81d21efbabf59422800cdb6e3cd476e5a2dd003b');
INSERT INTO "entries" VALUES(3,'sha256:19fc24f26e1e37e397a4596b81d21efbabf59422800cdb6e3cd476e5a2dd003b','claim','{"at":"2026-03-04T12:00:00Z","by":"ann","record":{"at":"2026-03-04T12:00:00Z","by":"ann","evidence":null,"expression":"Apache-2.0","identity":"sha256:46404212dc736179d7df1ef751f699247355663212a00b07811bf872f4897af3","model":"org/ann","note":"","origin":"card"},"schema":"evoreg/claim/1"}','sha256:e6fb9c8538a7973f490f9d5135b123b3d8571f91c716332b982e0b2688773957');
INSERT INTO "entries" VALUES(4,'sha256:e6fb9c8538a7973f490f9d5135b123b3d8571f91c716332b982e0b2688773957','claim','{"at":"2026-03-04T12:00:00Z","by":"ann","record":{"at":"2026-03-04T12:00:00Z","by":"ann","evidence":null,"expression":"Apache-2.0","identity":"sha256:ca29440ad899648919e70379844d8c5acc2787327b4b974e000976a7b605fe94","model":"org/bob","note":"","origin":"card"},"schema":"evoreg/claim/1"}','sha256:7a9992161fc5976bdc6cfcfd776c94e0d05db5fea24bb39f38d45b239dcbcc54');
INSERT INTO "entries" VALUES(5,'sha256:7a9992161fc5976bdc6cfcfd776c94e0d05db5fea24bb39f38d45b239dcbcc54','decision','{"at":"2026-03-04T12:00:00Z","by":"ann","record":{"intent":"commercial","knowledge":"sha256:e0f895872d65b2528feec97350a3a212b3d4ab88748e25d022a34641d338216b","obligations":[],"outbound":"Apache-2.0","policy":"sha256:823412d1eacb67956220e532959f0104603057c88704863ca38e7cd188fda812","reasons":[],"sources":[{"evidence":["card"],"expression":"Apache-2.0","identity":"sha256:46404212dc736179d7df1ef751f699247355663212a00b07811bf872f4897af3","key":"apache-2.0","model":"org/ann@1c7e0d2+org/ann-lora","name":"Apache License 2.0","url":"","verdict":"attribute"}],"verdict":"attribute"},"schema":"evoreg/decision/1"}','sha256:e95d9f6337e290e9912c894ec935998005ef14ce77e2ebfa04cb8db653c1da95');
INSERT INTO "entries" VALUES(6,'sha256:e95d9f6337e290e9912c894ec935998005ef14ce77e2ebfa04cb8db653c1da95','candidate','{"at":"2026-03-04T12:00:00Z","by":"ann","record":{"census":{"copied":0,"parameters":16,"partial":[],"tensors":2},"contributions":[{"alignment":"0.600000000","effective":"0.600000000","groups":[],"nominal":"0.600000000","reference":"org/ann","used":true},{"alignment":"0.400000000","effective":"0.400000000","groups":[],"nominal":"0.400000000","reference":"org/bob","used":true}],"engine":{"name":"evoreg","rules":1,"version":"0.1.0"},"ingredients":[{"identity":"sha256:46404212dc736179d7df1ef751f699247355663212a00b07811bf872f4897af3","name":"org/ann","reference":"org/ann","revision":"1c7e0d2000000000000000000000000000000000"},{"identity":"sha256:ca29440ad899648919e70379844d8c5acc2787327b4b974e000976a7b605fe94","name":"org/bob","reference":"org/bob","revision":"1c7e0d2000000000000000000000000000000000"}],"outputs":[{"digest":"sha256:6ea2d1166c4cc4a991036278ff68845e5b700df49ed6db22fb163fed15490668","measured":true,"path":"model.safetensors","role":"weights","size":17}],"recipe":{"base_model":null,"dtype":null,"method":"linear","models":[{"layer_range":null,"model":"org/ann","parameters":[["weight",[{"filter":null,"value":0.6}]]]},{"layer_range":null,"model":"org/bob","parameters":[["weight",[{"filter":null,"value":0.4}]]]}],"out_dtype":null,"parameters":[],"slices":[],"tokenizer_source":null},"seed":0},"schema":"evoreg/candidate/1"}','sha256:4520a5e65f5e06fcb30d353ec3d89cabc9f42e43b1305e25d3a9ff565f042f3a');
INSERT INTO "entries" VALUES(7,'sha256:4520a5e65f5e06fcb30d353ec3d89cabc9f42e43b1305e25d3a9ff565f042f3a','release','{"at":"2026-03-04T12:00:00Z","by":"ann","record":{"candidate":"sha256:2c7203549365a19104fed7c3da0bbb17abbb5cc96de68c67d7ee22650479e4cd","decision":"sha256:c1ccec6a481f02c022c70e2faf9ea16321ac44b6dac5c8af901fe527c89faecd","intent":"commercial","license":"Apache-2.0","name":"org/merged","papers":[{"digest":"sha256:334359b90efed75da5f0ada1d5e6b256f4a6bd0aee7eb39c0f90182a021ffc8b","measured":true,"path":"README.md","role":"card","size":1}]},"schema":"evoreg/release/1"}','sha256:c8f219ba56ba659e43a8e6adf8252d3363c9d8fcac08a862c98fc73d1a731f92');
INSERT INTO "entries" VALUES(8,'sha256:c8f219ba56ba659e43a8e6adf8252d3363c9d8fcac08a862c98fc73d1a731f92','edge','{"at":"2026-03-04T12:00:00Z","by":"ann","record":{"at":"2026-03-04T12:00:00Z","by":"ann","child":"org/ann","evidence":{"digest":"sha256:334359b90efed75da5f0ada1d5e6b256f4a6bd0aee7eb39c0f90182a021ffc8b","kind":"file","locator":"README.md"},"identity":"sha256:46404212dc736179d7df1ef751f699247355663212a00b07811bf872f4897af3","note":"","origin":"card","parent":"org/bob","parent_identity":"sha256:ca29440ad899648919e70379844d8c5acc2787327b4b974e000976a7b605fe94","relation":"finetune","revision":"1c7e0d2000000000000000000000000000000000"},"schema":"evoreg/edge/1"}','sha256:5b9c550d1dbe8514a17a469dd0338389a41e836f6d7c5966826f0079b87ed5dc');
INSERT INTO "entries" VALUES(9,'sha256:5b9c550d1dbe8514a17a469dd0338389a41e836f6d7c5966826f0079b87ed5dc','edge','{"at":"2026-03-04T12:00:00Z","by":"ann","record":{"at":"2026-03-04T12:00:00Z","by":"ann","child":"org/bob","evidence":{"digest":"sha256:334359b90efed75da5f0ada1d5e6b256f4a6bd0aee7eb39c0f90182a021ffc8b","kind":"file","locator":"README.md"},"identity":"sha256:ca29440ad899648919e70379844d8c5acc2787327b4b974e000976a7b605fe94","note":"x","origin":"card","parent":"org/\\0\u0000","parent_identity":"sha256:46404212dc736179d7df1ef751f699247355663212a00b07811bf872f4897af3","relation":"finetune","revision":"1c7e0d2000000000000000000000000000000000"},"schema":"evoreg/edge/1"}','sha256:cbdba0417854b79cc45e3ad97e579dcf57f94956ca94a5008ede4fa875957b5e');
INSERT INTO "entries" VALUES(10,'sha256:cbdba0417854b79cc45e3ad97e579dcf57f94956ca94a5008ede4fa875957b5e','text','{"at":"2026-03-04T12:00:00Z","by":"ann","record":{"content":"All rights reserved. ©\n","digest":"sha256:81666abb2338123e47bd5e37b789386f425b271436ed0161ecc727e0065f1c63","size":24},"schema":"evoreg/text/1"}','sha256:4dadc1376dcc8e760b4092b6d3e9904024375382c6759ac0d5c0dce61b6fa2b8');
INSERT INTO "entries" VALUES(11,'sha256:4dadc1376dcc8e760b4092b6d3e9904024375382c6759ac0d5c0dce61b6fa2b8','claim','{"at":"2026-03-04T12:00:00Z","by":"ann","record":{"at":"2026-03-04T12:00:00Z","by":"ann","evidence":null,"expression":"","identity":"sha256:46404212dc736179d7df1ef751f699247355663212a00b07811bf872f4897af3","model":"org/ann","note":"","origin":"human","riders":[{"kind":"name-prefix","value":"Ann","where":"README.md"}]},"schema":"evoreg/claim/1"}','sha256:e46584cb5419dec0c3683efca8fef64fa81ffb7ff7dace790fb7721b0977688e');
CREATE TABLE head (
	id INTEGER NOT NULL,
	seq BIGINT NOT NULL,
	hash TEXT NOT NULL,
	CONSTRAINT head_pk PRIMARY KEY (id),
	CONSTRAINT head_one_row CHECK (id = 1)
);
INSERT INTO "head" VALUES(1,11,'sha256:e46584cb5419dec0c3683efca8fef64fa81ffb7ff7dace790fb7721b0977688e');
CREATE TABLE ledger_version (
	version_num VARCHAR(32) NOT NULL,
	CONSTRAINT ledger_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "ledger_version" VALUES('0002');
CREATE TABLE model_files (
	seq INTEGER NOT NULL,
	depth INTEGER NOT NULL,
	position INTEGER NOT NULL,
	path TEXT NOT NULL,
	digest TEXT NOT NULL,
	role TEXT NOT NULL,
	size BIGINT NOT NULL,
	CONSTRAINT model_files_pk PRIMARY KEY (seq, depth, position),
	CONSTRAINT model_files_seq_fk FOREIGN KEY(seq) REFERENCES entries (seq)
);
INSERT INTO "model_files" VALUES(1,0,0,'config.json','sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a','config',2);
INSERT INTO "model_files" VALUES(1,0,1,'model.safetensors','sha256:8e8f7ac79346a33fe798bda4fb18957446d723742b824b33ae0a177d1ce97d34','weights',7);
INSERT INTO "model_files" VALUES(1,1,0,'model.safetensors','sha256:e5e2a7739c0a7e8507b49a9360edae34720b8bb7605f6402fcfaed39c5c2cb00','weights',15);
INSERT INTO "model_files" VALUES(2,0,0,'config.json','sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a','config',2);
INSERT INTO "model_files" VALUES(2,0,1,'model.safetensors','sha256:183e9e877d02c1c72918ee79c6a7826dd7bffe121e1ab71c843e2747b93b5f8d','weights',7);
INSERT INTO "model_files" VALUES(2,1,0,'model.safetensors','sha256:fa381c656a269aac8f7357375d9e52fad1d060e249027f807b81bb7402cfd0dd','weights',15);
CREATE TABLE models (
	seq INTEGER NOT NULL,
	name TEXT NOT NULL,
	identity TEXT NOT NULL,
	location TEXT NOT NULL,
	revision TEXT,
	CONSTRAINT models_pk PRIMARY KEY (seq),
	CONSTRAINT models_seq_fk FOREIGN KEY(seq) REFERENCES entries (seq)
);
INSERT INTO "models" VALUES(1,'org/ann','sha256:46404212dc736179d7df1ef751f699247355663212a00b07811bf872f4897af3','/models/ann','1c7e0d2000000000000000000000000000000000');
INSERT INTO "models" VALUES(2,'org/bob','sha256:ca29440ad899648919e70379844d8c5acc2787327b4b974e000976a7b605fe94','','1c7e0d2000000000000000000000000000000000');
CREATE TABLE outputs (
	seq INTEGER NOT NULL,
	position INTEGER NOT NULL,
	path TEXT NOT NULL,
	digest TEXT NOT NULL,
	role TEXT NOT NULL,
	size BIGINT NOT NULL,
	CONSTRAINT outputs_pk PRIMARY KEY (seq, position),
	CONSTRAINT outputs_seq_fk FOREIGN KEY(seq) REFERENCES entries (seq)
);
INSERT INTO "outputs" VALUES(6,0,'model.safetensors','sha256:6ea2d1166c4cc4a991036278ff68845e5b700df49ed6db22fb163fed15490668','weights',17);
CREATE TABLE releases (
	seq INTEGER NOT NULL,
	candidate TEXT NOT NULL,
	decision TEXT NOT NULL,
	intent TEXT NOT NULL,
	name TEXT NOT NULL,
	license TEXT NOT NULL,
	CONSTRAINT releases_pk PRIMARY KEY (seq),
	CONSTRAINT releases_seq_fk FOREIGN KEY(seq) REFERENCES entries (seq)
);
INSERT INTO "releases" VALUES(7,'sha256:2c7203549365a19104fed7c3da0bbb17abbb5cc96de68c67d7ee22650479e4cd','sha256:c1ccec6a481f02c022c70e2faf9ea16321ac44b6dac5c8af901fe527c89faecd','commercial','org/merged','Apache-2.0');
CREATE TABLE texts (
	seq INTEGER NOT NULL,
	digest TEXT NOT NULL,
	size BIGINT NOT NULL,
	CONSTRAINT texts_pk PRIMARY KEY (seq),
	CONSTRAINT texts_seq_fk FOREIGN KEY(seq) REFERENCES entries (seq)
);
INSERT INTO "texts" VALUES(10,'sha256:81666abb2338123e47bd5e37b789386f425b271436ed0161ecc727e0065f1c63',24);
CREATE INDEX entries_kind ON entries (kind, seq);
CREATE INDEX models_name ON models (name);
CREATE INDEX models_identity ON models (identity);
CREATE INDEX model_files_digest ON model_files (digest);
CREATE INDEX claims_identity ON claims (identity);
CREATE INDEX decisions_digest ON decisions (digest);
CREATE INDEX candidates_id ON candidates (id);
CREATE INDEX contributions_identity ON contributions (identity);
CREATE INDEX outputs_digest ON outputs (digest);
CREATE INDEX releases_candidate ON releases (candidate);
CREATE INDEX edges_identity ON edges (identity);
CREATE INDEX edges_parent ON edges (parent);
CREATE INDEX texts_digest ON texts (digest);
CREATE TRIGGER entries_no_update BEFORE UPDATE ON entries BEGIN SELECT RAISE(ABORT, 'the entries of the ledger are append-only'); END;
CREATE TRIGGER entries_no_delete BEFORE DELETE ON entries BEGIN SELECT RAISE(ABORT, 'the entries of the ledger are append-only'); END;
CREATE TRIGGER entries_only_next BEFORE INSERT ON entries WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM entries) OR NEW.prev IS NOT coalesce((SELECT hash FROM entries WHERE seq = NEW.seq - 1), 'sha256:0000000000000000000000000000000000000000000000000000000000000000') OR EXISTS (SELECT 1 FROM entries WHERE prev = NEW.prev OR hash = NEW.hash) BEGIN SELECT RAISE(ABORT, 'the entries of the ledger are append-only'); END;
COMMIT;
