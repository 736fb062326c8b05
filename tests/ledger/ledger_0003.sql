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
INSERT INTO "entries" VALUES(12,'sha256:e46584cb5419dec0c3683efca8fef64fa81ffb7ff7dace790fb7721b0977688e','search','{"at":"2026-03-04T12:00:00Z","by":"ann","record":{"decision":"sha256:86ae35d58a6aa3b5742df94ef9d7162219f0106a911ae1954c1f0604aaec805d","engine":{"name":"evoreg","rules":1,"version":"0.1.0"},"excluded":[{"identity":"sha256:4f01da394e58b0214e80aae9d683438b581fca661b8c918b176fab26f00f7c6e","reasons":["no licence"],"reference":"org/closed"}],"genes":[{"high":1.5,"low":-0.5,"name":"org/maths weight layers.0.","start":0.5},{"high":1.5,"low":-0.5,"name":"org/japanese weight layers.0.","start":0.5}],"ingredients":[{"identity":"sha256:b34c2dba84e407afdab83bc65875fa7fa1b0d570da0d8ae53eea93d38431b286","name":"org/maths","reference":"org/maths","revision":null},{"identity":"sha256:af4839e7f5cb9661d485f56fc88578f371d51e94a2acc6c692226b0e57cee0a0","name":"org/japanese","reference":"org/japanese","revision":null},{"identity":"sha256:6016e22eda4b40ff3b1805aa1f67b048d6ee2b7e5e32413dfb202703487090fa","name":"org/base","reference":"org/base","revision":null}],"intent":"research","merge_seed":1,"name":"miniature","outbound":"Apache-2.0","run":0,"seed":0,"settings":{"budget":{"generations":3},"models":["org/maths","org/japanese"],"name":"miniature"},"tasks":[{"kind":"generate","maximise":true,"metric":"exact_match","name":"maths","settings":{"max_new_tokens":64},"splits":[{"count":3,"digest":"sha256:317285d7ac42dc7e3aa3cb4943b90a1ff0b0a6aa2bc812e9415a2a7ecba3820f","dropped":0,"split":"train"},{"count":3,"digest":"sha256:8fc18f26e5ef4a6225f64ef0c3ac594078bd046c00e5414d58ebcbb277799fee","dropped":0,"split":"validation"},{"count":3,"digest":"sha256:6d0136b810718e66ac96fc3cf493c58b67cfc01da3049a6f6cfd19df36d34adc","dropped":0,"split":"test"}],"template":"sha256:a3ab503dc64d6f5b4b6e2246412597e3c99f67e9d0c3218a1a49c69a080aecd5","weight":"1.000000000"},{"kind":"generate","maximise":true,"metric":"exact_match","name":"japanese","settings":{"max_new_tokens":64},"splits":[{"count":3,"digest":"sha256:df8264bb3bd083bfcfec0a373b25d56405ad482526f563daf3222a884257ea6c","dropped":0,"split":"train"},{"count":3,"digest":"sha256:b575dc74c036c4e4224fe543ec4507930f25d05ac9e8ea2605570b013ace2f63","dropped":0,"split":"validation"},{"count":3,"digest":"sha256:4292a221813980b33e6982ae635811066c8a0ba4e8ed274d588dff92af77734b","dropped":0,"split":"test"}],"template":"sha256:a3ab503dc64d6f5b4b6e2246412597e3c99f67e9d0c3218a1a49c69a080aecd5","weight":"1.000000000"}],"versions":{"cma":"4.0.0","device":"cpu","torch":"2.9.1"}},"schema":"evoreg/search/1"}','sha256:1b233e8fdf6f7232a152b7a856a2889ab238b97c56781b0a46122b42edaebcf0');
INSERT INTO "entries" VALUES(13,'sha256:1b233e8fdf6f7232a152b7a856a2889ab238b97c56781b0a46122b42edaebcf0','evaluation','{"apply_seconds":0.25,"at":"2026-03-04T12:00:00Z","by":"ann","record":{"candidate":"sha256:1e0034288f3c639527e89e26e7cf030bf8b4cfcf1cafae71eba58a6ff1819c68","contributions":[{"alignment":"0.000000000","effective":"0.000000000","groups":[{"alignment":"0.000000000","effective":"0.000000000","group":"layer 0 attention"}],"nominal":"0.000000000","reference":"org/maths","used":true}],"earlier":[],"failure":null,"fitness":["0.000000000"],"generation":0,"genome":[],"label":"org/maths","origin":"baseline","parents":[],"place":0,"recipe":{"base_model":null,"dtype":null,"method":"passthrough","models":[{"layer_range":null,"model":"org/maths","parameters":[]}],"out_dtype":null,"parameters":[],"slices":[],"tokenizer_source":null},"scores":[{"asked":"sha256:f081271e73ca703fb282d9d36266a60029ff1e5380cda533fbfb55e73df1ca5a","foreign":0,"items":[0,0,0],"soft":"-1.900000000","softs":[-1085975,-2144441,-2038128],"split":"train","task":"maths","tokens":51,"truncated":1,"value":"0.000000000"},{"asked":"sha256:7fefbc1e04bf78da07c76f5aa9a7fc3ff6c574ed6078e6d46a6b9c8e1c71e734","foreign":0,"items":[0,0,0],"soft":"-1.900000000","softs":[-1998992,-1501767,-2446881],"split":"train","task":"japanese","tokens":51,"truncated":1,"value":"0.000000000"}],"search":"sha256:5cdc11798c2096fa3206ab4b833df0197a1886ab5b3184ff0f76fb44b18c926c","stage":0},"schema":"evoreg/evaluation/1","score_seconds":1.5}','sha256:e5872ca6b862b03674ac99624be99644e195b3763bcf3dcd9e88d51003f4294e');
INSERT INTO "entries" VALUES(14,'sha256:e5872ca6b862b03674ac99624be99644e195b3763bcf3dcd9e88d51003f4294e','evaluation','{"apply_seconds":0.25,"at":"2026-03-04T12:00:00Z","by":"ann","record":{"candidate":"sha256:647a278db256e56faf90f7067ddbec4b13a844cd1749e215642b01669642d8bc","contributions":[{"alignment":"0.000000000","effective":"0.000000000","groups":[{"alignment":"0.000000000","effective":"0.000000000","group":"layer 0 attention"}],"nominal":"0.000000000","reference":"org/japanese","used":true}],"earlier":[],"failure":null,"fitness":["0.000000000"],"generation":0,"genome":[],"label":"org/japanese","origin":"baseline","parents":[],"place":1,"recipe":{"base_model":null,"dtype":null,"method":"passthrough","models":[{"layer_range":null,"model":"org/japanese","parameters":[]}],"out_dtype":null,"parameters":[],"slices":[],"tokenizer_source":null},"scores":[{"asked":"sha256:f081271e73ca703fb282d9d36266a60029ff1e5380cda533fbfb55e73df1ca5a","foreign":0,"items":[0,0,0],"soft":"-1.900000000","softs":[-586136,-397749,-2593627],"split":"train","task":"maths","tokens":51,"truncated":1,"value":"0.000000000"},{"asked":"sha256:7fefbc1e04bf78da07c76f5aa9a7fc3ff6c574ed6078e6d46a6b9c8e1c71e734","foreign":0,"items":[0,0,0],"soft":"-1.900000000","softs":[-2957706,-2524560,-616400],"split":"train","task":"japanese","tokens":51,"truncated":1,"value":"0.000000000"}],"search":"sha256:5cdc11798c2096fa3206ab4b833df0197a1886ab5b3184ff0f76fb44b18c926c","stage":0},"schema":"evoreg/evaluation/1","score_seconds":2.5}','sha256:8231f07062b97405dd66d0d1c8a74a195dabd1c0ad83f79a76d43174e3a8caa7');
INSERT INTO "entries" VALUES(15,'sha256:8231f07062b97405dd66d0d1c8a74a195dabd1c0ad83f79a76d43174e3a8caa7','evaluation','{"apply_seconds":0.25,"at":"2026-03-04T12:00:00Z","by":"ann","record":{"candidate":"sha256:66a9b68256033577ce511d9bedb354119f7f21c5df9ca78bc87a8398c04be55e","contributions":[{"alignment":"0.000000000","effective":"0.000000000","groups":[{"alignment":"0.000000000","effective":"0.000000000","group":"layer 0 attention"}],"nominal":"0.000000000","reference":"org/base","used":true}],"earlier":[],"failure":null,"fitness":["0.000000000"],"generation":0,"genome":[],"label":"org/base","origin":"baseline","parents":[],"place":2,"recipe":{"base_model":null,"dtype":null,"method":"passthrough","models":[{"layer_range":null,"model":"org/base","parameters":[]}],"out_dtype":null,"parameters":[],"slices":[],"tokenizer_source":null},"scores":[{"asked":"sha256:f081271e73ca703fb282d9d36266a60029ff1e5380cda533fbfb55e73df1ca5a","foreign":0,"items":[0,0,0],"soft":"-1.900000000","softs":[-2868836,-1384947,-1980310],"split":"train","task":"maths","tokens":51,"truncated":1,"value":"0.000000000"},{"asked":"sha256:7fefbc1e04bf78da07c76f5aa9a7fc3ff6c574ed6078e6d46a6b9c8e1c71e734","foreign":0,"items":[0,0,0],"soft":"-1.900000000","softs":[-2686130,-857641,-2317452],"split":"train","task":"japanese","tokens":51,"truncated":1,"value":"0.000000000"}],"search":"sha256:5cdc11798c2096fa3206ab4b833df0197a1886ab5b3184ff0f76fb44b18c926c","stage":0},"schema":"evoreg/evaluation/1","score_seconds":3.5}','sha256:69b61999f3ae31ad89bb9adfe945b890f8c99cc7dcc15f6c28e02cfc004444ac');
INSERT INTO "entries" VALUES(16,'sha256:69b61999f3ae31ad89bb9adfe945b890f8c99cc7dcc15f6c28e02cfc004444ac','evaluation','{"apply_seconds":0.25,"at":"2026-03-04T12:00:00Z","by":"ann","record":{"candidate":"sha256:1d18adbf3f9b16ef9b5bd6bc9067c288c14b5c3e87234e9f2caf5082b9e4e9ef","contributions":[{"alignment":"0.500000000","effective":"0.500000000","groups":[{"alignment":"0.500000000","effective":"0.500000000","group":"layer 0 attention"}],"nominal":"0.500000000","reference":"org/maths","used":true},{"alignment":"0.500000000","effective":"0.500000000","groups":[{"alignment":"0.500000000","effective":"0.500000000","group":"layer 0 attention"}],"nominal":"0.500000000","reference":"org/japanese","used":true}],"earlier":[],"failure":null,"fitness":["0.000000000"],"generation":0,"genome":[],"label":"uniform","origin":"baseline","parents":[],"place":3,"recipe":{"base_model":"org/base","dtype":"float32","method":"task_arithmetic","models":[{"layer_range":null,"model":"org/maths","parameters":[["weight",[{"filter":"layers.0.","value":0.5},{"filter":null,"value":0.5}]]]},{"layer_range":null,"model":"org/japanese","parameters":[["weight",[{"filter":"layers.0.","value":0.5},{"filter":null,"value":0.5}]]]}],"out_dtype":null,"parameters":[],"slices":[],"tokenizer_source":null},"scores":[{"asked":"sha256:f081271e73ca703fb282d9d36266a60029ff1e5380cda533fbfb55e73df1ca5a","foreign":0,"items":[0,0,0],"soft":"-1.900000000","softs":[-2301411,-58895,-391210],"split":"train","task":"maths","tokens":51,"truncated":1,"value":"0.000000000"},{"asked":"sha256:7fefbc1e04bf78da07c76f5aa9a7fc3ff6c574ed6078e6d46a6b9c8e1c71e734","foreign":0,"items":[0,0,0],"soft":"-1.900000000","softs":[-2802437,-2622554,-4793],"split":"train","task":"japanese","tokens":51,"truncated":1,"value":"0.000000000"}],"search":"sha256:5cdc11798c2096fa3206ab4b833df0197a1886ab5b3184ff0f76fb44b18c926c","stage":0},"schema":"evoreg/evaluation/1","score_seconds":4.5}','sha256:29044cf35eef68c9228191677fd196fa688c0d13678457124257298be0e33767');
INSERT INTO "entries" VALUES(17,'sha256:29044cf35eef68c9228191677fd196fa688c0d13678457124257298be0e33767','generation','{"at":"2026-03-04T12:00:00Z","by":"ann","record":{"best":["0.000000000"],"evaluations":4,"failed":0,"items":24,"mean":["0.000000000"],"number":0,"search":"sha256:5cdc11798c2096fa3206ab4b833df0197a1886ab5b3184ff0f76fb44b18c926c","stage":0,"state":{"asked":24,"mean":[0.5,1],"sigma":0.16}},"schema":"evoreg/generation/1"}','sha256:617401746545ea4da03469b1b471da7bbd075fbb182605c41c2f27fe4fe78596');
INSERT INTO "entries" VALUES(18,'sha256:617401746545ea4da03469b1b471da7bbd075fbb182605c41c2f27fe4fe78596','evaluation','{"apply_seconds":0.25,"at":"2026-03-04T12:00:00Z","by":"ann","record":{"candidate":"sha256:c3205eb36339406502d427fbb8f1854da17821e5b0b6a780e1dd2a0753657ebd","contributions":[{"alignment":"0.491830161","effective":"0.491830161","groups":[{"alignment":"0.491830161","effective":"0.491830161","group":"layer 0 attention"}],"nominal":"0.491830161","reference":"org/maths","used":true},{"alignment":"0.508169839","effective":"0.508169839","groups":[{"alignment":"0.508169839","effective":"0.508169839","group":"layer 0 attention"}],"nominal":"0.508169839","reference":"org/japanese","used":true}],"earlier":[],"failure":null,"fitness":["0.500000000"],"generation":1,"genome":[0.328425,0.339336],"label":"","origin":"sampled","parents":[],"place":0,"recipe":{"base_model":"org/base","dtype":"float32","method":"task_arithmetic","models":[{"layer_range":null,"model":"org/maths","parameters":[["weight",[{"filter":"layers.0.","value":0.328425},{"filter":null,"value":0.328425}]]]},{"layer_range":null,"model":"org/japanese","parameters":[["weight",[{"filter":"layers.0.","value":0.339336},{"filter":null,"value":0.339336}]]]}],"out_dtype":null,"parameters":[],"slices":[],"tokenizer_source":null},"scores":[{"asked":"sha256:f081271e73ca703fb282d9d36266a60029ff1e5380cda533fbfb55e73df1ca5a","foreign":0,"items":[1000000,0,0],"soft":"-1.633333333","softs":[-264175,-801393,-2380312],"split":"train","task":"maths","tokens":51,"truncated":1,"value":"0.333333333"},{"asked":"sha256:7fefbc1e04bf78da07c76f5aa9a7fc3ff6c574ed6078e6d46a6b9c8e1c71e734","foreign":0,"items":[1000000,0,1000000],"soft":"-1.633333333","softs":[-2277464,-1878920,-382587],"split":"train","task":"japanese","tokens":51,"truncated":1,"value":"0.666666667"}],"search":"sha256:5cdc11798c2096fa3206ab4b833df0197a1886ab5b3184ff0f76fb44b18c926c","stage":0},"schema":"evoreg/evaluation/1","score_seconds":1.5}','sha256:b0f37fd9fdb18b43c6ddf9471a8360bf2d0f9e9e203ba53b6af6a6c95ad278ce');
INSERT INTO "entries" VALUES(19,'sha256:b0f37fd9fdb18b43c6ddf9471a8360bf2d0f9e9e203ba53b6af6a6c95ad278ce','evaluation','{"apply_seconds":0.25,"at":"2026-03-04T12:00:00Z","by":"ann","record":{"candidate":"sha256:a5d25b04eef29306f67f9e3ae4c6887bf72d33aaaaf2ab26cc477431c34b113c","contributions":[{"alignment":"0.509980342","effective":"0.509980342","groups":[{"alignment":"0.509980342","effective":"0.509980342","group":"layer 0 attention"}],"nominal":"0.509980342","reference":"org/maths","used":true},{"alignment":"0.490019658","effective":"0.490019658","groups":[{"alignment":"0.490019658","effective":"0.490019658","group":"layer 0 attention"}],"nominal":"0.490019658","reference":"org/japanese","used":true}],"earlier":[],"failure":null,"fitness":["0.500000000"],"generation":1,"genome":[0.438425,0.421265],"label":"","origin":"sampled","parents":[],"place":1,"recipe":{"base_model":"org/base","dtype":"float32","method":"task_arithmetic","models":[{"layer_range":null,"model":"org/maths","parameters":[["weight",[{"filter":"layers.0.","value":0.438425},{"filter":null,"value":0.438425}]]]},{"layer_range":null,"model":"org/japanese","parameters":[["weight",[{"filter":"layers.0.","value":0.421265},{"filter":null,"value":0.421265}]]]}],"out_dtype":null,"parameters":[],"slices":[],"tokenizer_source":null},"scores":[{"asked":"sha256:f081271e73ca703fb282d9d36266a60029ff1e5380cda533fbfb55e73df1ca5a","foreign":0,"items":[0,0,1000000],"soft":"-1.633333333","softs":[-2312182,-1220922,-2963533],"split":"train","task":"maths","tokens":51,"truncated":1,"value":"0.333333333"},{"asked":"sha256:7fefbc1e04bf78da07c76f5aa9a7fc3ff6c574ed6078e6d46a6b9c8e1c71e734","foreign":0,"items":[1000000,1000000,0],"soft":"-1.633333333","softs":[-852290,-2529943,-2295249],"split":"train","task":"japanese","tokens":51,"truncated":1,"value":"0.666666667"}],"search":"sha256:5cdc11798c2096fa3206ab4b833df0197a1886ab5b3184ff0f76fb44b18c926c","stage":0},"schema":"evoreg/evaluation/1","score_seconds":2.5}','sha256:708dd1b328d5337fc07ec5ce3ce007aa202ffa98713b9ab0381d97c8a6e08ab3');
INSERT INTO "entries" VALUES(20,'sha256:708dd1b328d5337fc07ec5ce3ce007aa202ffa98713b9ab0381d97c8a6e08ab3','evaluation','{"apply_seconds":0.25,"at":"2026-03-04T12:00:00Z","by":"ann","record":{"candidate":"sha256:9cc18ec8bb336c43446937b3df1ec80d6cf806b30533b5cac5b3e7b5b47ce7f3","contributions":[],"earlier":[],"failure":{"code":"EVO-M003","what":"layer 1 of the result is not finite"},"fitness":[],"generation":1,"genome":[0.353759,0.371617],"label":"","origin":"sampled","parents":[],"place":2,"recipe":{"base_model":"org/base","dtype":"float32","method":"task_arithmetic","models":[{"layer_range":null,"model":"org/maths","parameters":[["weight",[{"filter":"layers.0.","value":0.353759},{"filter":null,"value":0.353759}]]]},{"layer_range":null,"model":"org/japanese","parameters":[["weight",[{"filter":"layers.0.","value":0.371617},{"filter":null,"value":0.371617}]]]}],"out_dtype":null,"parameters":[],"slices":[],"tokenizer_source":null},"scores":[],"search":"sha256:5cdc11798c2096fa3206ab4b833df0197a1886ab5b3184ff0f76fb44b18c926c","stage":0},"schema":"evoreg/evaluation/1","score_seconds":3.5}','sha256:c10e8da48689261f4b5bc04fcea59311441fd99a2b15fcc4fbeca1855c80f901');
INSERT INTO "entries" VALUES(21,'sha256:c10e8da48689261f4b5bc04fcea59311441fd99a2b15fcc4fbeca1855c80f901','generation','{"at":"2026-03-04T12:00:00Z","by":"ann","record":{"best":["0.500000000"],"evaluations":3,"failed":1,"items":42,"mean":["0.500000000"],"number":1,"search":"sha256:5cdc11798c2096fa3206ab4b833df0197a1886ab5b3184ff0f76fb44b18c926c","stage":0,"state":{"asked":42,"mean":[0.5,1],"sigma":0.16}},"schema":"evoreg/generation/1"}','sha256:f8cf4ce001f36c0eaf55abd549d93df46448756d19d97b21f77f6211264ff17c');
INSERT INTO "entries" VALUES(22,'sha256:f8cf4ce001f36c0eaf55abd549d93df46448756d19d97b21f77f6211264ff17c','evaluation','{"apply_seconds":0.25,"at":"2026-03-04T12:00:00Z","by":"ann","record":{"candidate":"sha256:4f111465959b1dfb1c978533031e11d37747023418225c06dd94bfa04f3d07e4","contributions":[{"alignment":"0.509914151","effective":"0.509914151","groups":[{"alignment":"0.509914151","effective":"0.509914151","group":"layer 0 attention"}],"nominal":"0.509914151","reference":"org/maths","used":true},{"alignment":"0.490085849","effective":"0.490085849","groups":[{"alignment":"0.490085849","effective":"0.490085849","group":"layer 0 attention"}],"nominal":"0.490085849","reference":"org/japanese","used":true}],"earlier":[],"failure":null,"fitness":["0.333333333"],"generation":2,"genome":[0.671123,0.645026],"label":"","origin":"sampled","parents":[],"place":0,"recipe":{"base_model":"org/base","dtype":"float32","method":"task_arithmetic","models":[{"layer_range":null,"model":"org/maths","parameters":[["weight",[{"filter":"layers.0.","value":0.671123},{"filter":null,"value":0.671123}]]]},{"layer_range":null,"model":"org/japanese","parameters":[["weight",[{"filter":"layers.0.","value":0.645026},{"filter":null,"value":0.645026}]]]}],"out_dtype":null,"parameters":[],"slices":[],"tokenizer_source":null},"scores":[{"asked":"sha256:f081271e73ca703fb282d9d36266a60029ff1e5380cda533fbfb55e73df1ca5a","foreign":0,"items":[0,0,0],"soft":"-1.366666667","softs":[-2933172,-2267440,-2866800],"split":"train","task":"maths","tokens":51,"truncated":1,"value":"0.000000000"},{"asked":"sha256:7fefbc1e04bf78da07c76f5aa9a7fc3ff6c574ed6078e6d46a6b9c8e1c71e734","foreign":0,"items":[1000000,0,1000000],"soft":"-1.366666667","softs":[-987765,-902619,-2849922],"split":"train","task":"japanese","tokens":51,"truncated":1,"value":"0.666666667"}],"search":"sha256:5cdc11798c2096fa3206ab4b833df0197a1886ab5b3184ff0f76fb44b18c926c","stage":0},"schema":"evoreg/evaluation/1","score_seconds":1.5}','sha256:d45b02b584c6fbcbde07fe0c5a0952a11dbf84349c9a7919b0a94d3c3dce22fc');
INSERT INTO "entries" VALUES(23,'sha256:d45b02b584c6fbcbde07fe0c5a0952a11dbf84349c9a7919b0a94d3c3dce22fc','evaluation','{"apply_seconds":0.25,"at":"2026-03-04T12:00:00Z","by":"ann","record":{"candidate":"sha256:0e77aeac3a6e9841f1fc3b23c134862f4090bb4fbf7383fd5af11913036599cd","contributions":[{"alignment":"0.481606104","effective":"0.481606104","groups":[{"alignment":"0.481606104","effective":"0.481606104","group":"layer 0 attention"}],"nominal":"0.481606104","reference":"org/maths","used":true},{"alignment":"0.518393896","effective":"0.518393896","groups":[{"alignment":"0.518393896","effective":"0.518393896","group":"layer 0 attention"}],"nominal":"0.518393896","reference":"org/japanese","used":true}],"earlier":[],"failure":null,"fitness":["0.833333333"],"generation":2,"genome":[0.496664,0.534602],"label":"","origin":"sampled","parents":[],"place":1,"recipe":{"base_model":"org/base","dtype":"float32","method":"task_arithmetic","models":[{"layer_range":null,"model":"org/maths","parameters":[["weight",[{"filter":"layers.0.","value":0.496664},{"filter":null,"value":0.496664}]]]},{"layer_range":null,"model":"org/japanese","parameters":[["weight",[{"filter":"layers.0.","value":0.534602},{"filter":null,"value":0.534602}]]]}],"out_dtype":null,"parameters":[],"slices":[],"tokenizer_source":null},"scores":[{"asked":"sha256:f081271e73ca703fb282d9d36266a60029ff1e5380cda533fbfb55e73df1ca5a","foreign":0,"items":[1000000,1000000,0],"soft":"-1.366666667","softs":[-2936958,-1498908,-345497],"split":"train","task":"maths","tokens":51,"truncated":1,"value":"0.666666667"},{"asked":"sha256:7fefbc1e04bf78da07c76f5aa9a7fc3ff6c574ed6078e6d46a6b9c8e1c71e734","foreign":0,"items":[1000000,1000000,1000000],"soft":"-1.366666667","softs":[-1406226,-798506,-1019365],"split":"train","task":"japanese","tokens":51,"truncated":1,"value":"1.000000000"}],"search":"sha256:5cdc11798c2096fa3206ab4b833df0197a1886ab5b3184ff0f76fb44b18c926c","stage":0},"schema":"evoreg/evaluation/1","score_seconds":2.5}','sha256:aefeea1a3e5150414163aa52a088461f9b38402d261ffcecc9634eb9bdfe4698');
INSERT INTO "entries" VALUES(24,'sha256:aefeea1a3e5150414163aa52a088461f9b38402d261ffcecc9634eb9bdfe4698','evaluation','{"apply_seconds":0.25,"at":"2026-03-04T12:00:00Z","by":"ann","record":{"candidate":"sha256:d99d97adb8ffbb338cda8a685779f20d8081f5c6778017004d36f10cfab9a9ec","contributions":[],"earlier":[],"failure":{"code":"EVO-M003","what":"layer 1 of the result is not finite"},"fitness":[],"generation":2,"genome":[0.639552,0.604042],"label":"","origin":"sampled","parents":[],"place":2,"recipe":{"base_model":"org/base","dtype":"float32","method":"task_arithmetic","models":[{"layer_range":null,"model":"org/maths","parameters":[["weight",[{"filter":"layers.0.","value":0.639552},{"filter":null,"value":0.639552}]]]},{"layer_range":null,"model":"org/japanese","parameters":[["weight",[{"filter":"layers.0.","value":0.604042},{"filter":null,"value":0.604042}]]]}],"out_dtype":null,"parameters":[],"slices":[],"tokenizer_source":null},"scores":[],"search":"sha256:5cdc11798c2096fa3206ab4b833df0197a1886ab5b3184ff0f76fb44b18c926c","stage":0},"schema":"evoreg/evaluation/1","score_seconds":3.5}','sha256:6e5585c0e9165d3ebe364abaab196b1fc4a2d9cd8804ed6fcbdb1725510554bc');
INSERT INTO "entries" VALUES(25,'sha256:6e5585c0e9165d3ebe364abaab196b1fc4a2d9cd8804ed6fcbdb1725510554bc','generation','{"at":"2026-03-04T12:00:00Z","by":"ann","record":{"best":["0.833333333"],"evaluations":3,"failed":1,"items":60,"mean":["0.583333333"],"number":2,"search":"sha256:5cdc11798c2096fa3206ab4b833df0197a1886ab5b3184ff0f76fb44b18c926c","stage":0,"state":{"asked":60,"mean":[0.5,1],"sigma":0.16}},"schema":"evoreg/generation/1"}','sha256:444b19c80aec1c3174d9793c9a81810eeeacb3f533261c3c1e793ab54776cf9c');
INSERT INTO "entries" VALUES(26,'sha256:444b19c80aec1c3174d9793c9a81810eeeacb3f533261c3c1e793ab54776cf9c','result','{"at":"2026-03-04T12:00:00Z","by":"ann","record":{"earlier":[],"front":[],"items":72,"label":"mean","merge_seed":1,"recipe":{"base_model":"org/base","dtype":"float32","method":"task_arithmetic","models":[{"layer_range":null,"model":"org/maths","parameters":[["weight",[{"filter":"layers.0.","value":0.496664},{"filter":null,"value":0.496664}]]]},{"layer_range":null,"model":"org/japanese","parameters":[["weight",[{"filter":"layers.0.","value":0.534602},{"filter":null,"value":0.534602}]]]}],"out_dtype":null,"parameters":[],"slices":[],"tokenizer_source":null},"search":"sha256:5cdc11798c2096fa3206ab4b833df0197a1886ab5b3184ff0f76fb44b18c926c","stability":{"drifts":[{"largest":"model.norm.weight","reference":"org/maths","relative":"0.150000000"},{"largest":"model.norm.weight","reference":"org/japanese","relative":"0.150000000"}],"finite":true,"intervals":[{"against":"org/maths","difference":"0.150000000","high":"0.250000000","low":"0.050000000","samples":1000,"task":"maths"},{"against":"org/maths","difference":"0.150000000","high":"0.250000000","low":"0.050000000","samples":1000,"task":"japanese"},{"against":"org/japanese","difference":"0.150000000","high":"0.250000000","low":"0.050000000","samples":1000,"task":"maths"},{"against":"org/japanese","difference":"0.150000000","high":"0.250000000","low":"0.050000000","samples":1000,"task":"japanese"},{"against":"org/base","difference":"0.150000000","high":"0.250000000","low":"0.050000000","samples":1000,"task":"maths"},{"against":"org/base","difference":"0.150000000","high":"0.250000000","low":"0.050000000","samples":1000,"task":"japanese"},{"against":"uniform","difference":"0.150000000","high":"0.250000000","low":"0.050000000","samples":1000,"task":"maths"},{"against":"uniform","difference":"0.150000000","high":"0.250000000","low":"0.050000000","samples":1000,"task":"japanese"}],"parameters":500000,"spreads":[{"kind":"prompt","label":"1","task":"maths","value":"0.250000000"},{"kind":"prompt","label":"1","task":"japanese","value":"0.250000000"}],"tensors":39,"tried":8,"truncated":"0.050000000","warnings":[]},"test":[{"asked":"sha256:6a5514494e499d7793b0d6eab575aed523b41f663cfcd6cd5c95cd83c9e359c0","foreign":0,"items":[1000000,0,1000000],"soft":"-1.300000000","softs":[-519653,-2010051,-883221],"split":"test","task":"maths","tokens":51,"truncated":1,"value":"0.666666667"},{"asked":"sha256:95f0f8a3dc60ead217ccf0271945b5552a8f540f0656f10cd61500ceceb46e99","foreign":0,"items":[0,1000000,1000000],"soft":"-1.300000000","softs":[-2282688,-1785174,-2602984],"split":"test","task":"japanese","tokens":51,"truncated":1,"value":"0.666666667"}],"validation":[{"asked":"sha256:c6bb89b6ad2a5481d99a28d9c790af9a7934007cb6332e9279cce505073c8d00","foreign":0,"items":[1000000,1000000,1000000],"soft":"-1.300000000","softs":[-790712,-2543167,-2415721],"split":"validation","task":"maths","tokens":51,"truncated":1,"value":"1.000000000"},{"asked":"sha256:5b747498daf545ea385444ebd8b130170fecd62c011263cb861f17edc398a958","foreign":0,"items":[1000000,1000000,0],"soft":"-1.300000000","softs":[-486732,-152639,-2539668],"split":"validation","task":"japanese","tokens":51,"truncated":1,"value":"0.666666667"}],"winner":"sha256:0e77aeac3a6e9841f1fc3b23c134862f4090bb4fbf7383fd5af11913036599cd"},"schema":"evoreg/result/1"}','sha256:6431a2192ff6f1f5224bace48b6c5e9bd5e33877993980914af821eb98cefb1e');
CREATE TABLE evaluation_scores (
	seq INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	task TEXT NOT NULL, 
	split TEXT NOT NULL, 
	value TEXT NOT NULL, 
	items INTEGER NOT NULL, 
	CONSTRAINT evaluation_scores_pk PRIMARY KEY (seq, position), 
	CONSTRAINT evaluation_scores_seq_fk FOREIGN KEY(seq) REFERENCES entries (seq)
);
INSERT INTO "evaluation_scores" VALUES(13,0,'maths','train','0.000000000',3);
INSERT INTO "evaluation_scores" VALUES(13,1,'japanese','train','0.000000000',3);
INSERT INTO "evaluation_scores" VALUES(14,0,'maths','train','0.000000000',3);
INSERT INTO "evaluation_scores" VALUES(14,1,'japanese','train','0.000000000',3);
INSERT INTO "evaluation_scores" VALUES(15,0,'maths','train','0.000000000',3);
INSERT INTO "evaluation_scores" VALUES(15,1,'japanese','train','0.000000000',3);
INSERT INTO "evaluation_scores" VALUES(16,0,'maths','train','0.000000000',3);
INSERT INTO "evaluation_scores" VALUES(16,1,'japanese','train','0.000000000',3);
INSERT INTO "evaluation_scores" VALUES(18,0,'maths','train','0.333333333',3);
INSERT INTO "evaluation_scores" VALUES(18,1,'japanese','train','0.666666667',3);
INSERT INTO "evaluation_scores" VALUES(19,0,'maths','train','0.333333333',3);
INSERT INTO "evaluation_scores" VALUES(19,1,'japanese','train','0.666666667',3);
INSERT INTO "evaluation_scores" VALUES(22,0,'maths','train','0.000000000',3);
INSERT INTO "evaluation_scores" VALUES(22,1,'japanese','train','0.666666667',3);
INSERT INTO "evaluation_scores" VALUES(23,0,'maths','train','0.666666667',3);
INSERT INTO "evaluation_scores" VALUES(23,1,'japanese','train','1.000000000',3);
CREATE TABLE evaluation_shares (
	seq INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	reference TEXT NOT NULL, 
	nominal TEXT NOT NULL, 
	effective TEXT NOT NULL, 
	alignment TEXT NOT NULL, 
	used BOOLEAN NOT NULL, 
	CONSTRAINT evaluation_shares_pk PRIMARY KEY (seq, position), 
	CONSTRAINT evaluation_shares_seq_fk FOREIGN KEY(seq) REFERENCES entries (seq)
);
INSERT INTO "evaluation_shares" VALUES(13,0,'org/maths','0.000000000','0.000000000','0.000000000',1);
INSERT INTO "evaluation_shares" VALUES(14,0,'org/japanese','0.000000000','0.000000000','0.000000000',1);
INSERT INTO "evaluation_shares" VALUES(15,0,'org/base','0.000000000','0.000000000','0.000000000',1);
INSERT INTO "evaluation_shares" VALUES(16,0,'org/maths','0.500000000','0.500000000','0.500000000',1);
INSERT INTO "evaluation_shares" VALUES(16,1,'org/japanese','0.500000000','0.500000000','0.500000000',1);
INSERT INTO "evaluation_shares" VALUES(18,0,'org/maths','0.491830161','0.491830161','0.491830161',1);
INSERT INTO "evaluation_shares" VALUES(18,1,'org/japanese','0.508169839','0.508169839','0.508169839',1);
INSERT INTO "evaluation_shares" VALUES(19,0,'org/maths','0.509980342','0.509980342','0.509980342',1);
INSERT INTO "evaluation_shares" VALUES(19,1,'org/japanese','0.490019658','0.490019658','0.490019658',1);
INSERT INTO "evaluation_shares" VALUES(22,0,'org/maths','0.509914151','0.509914151','0.509914151',1);
INSERT INTO "evaluation_shares" VALUES(22,1,'org/japanese','0.490085849','0.490085849','0.490085849',1);
INSERT INTO "evaluation_shares" VALUES(23,0,'org/maths','0.481606104','0.481606104','0.481606104',1);
INSERT INTO "evaluation_shares" VALUES(23,1,'org/japanese','0.518393896','0.518393896','0.518393896',1);
CREATE TABLE evaluations (
	seq INTEGER NOT NULL, 
	search TEXT NOT NULL, 
	stage BIGINT NOT NULL, 
	generation BIGINT NOT NULL, 
	place BIGINT NOT NULL, 
	origin TEXT NOT NULL, 
	label TEXT NOT NULL, 
	candidate TEXT NOT NULL, 
	failure TEXT, 
	fitness TEXT, 
	fitness_value DOUBLE, 
	CONSTRAINT evaluations_pk PRIMARY KEY (seq), 
	CONSTRAINT evaluations_seq_fk FOREIGN KEY(seq) REFERENCES entries (seq)
);
INSERT INTO "evaluations" VALUES(13,'sha256:5cdc11798c2096fa3206ab4b833df0197a1886ab5b3184ff0f76fb44b18c926c',0,0,0,'baseline','org/maths','sha256:1e0034288f3c639527e89e26e7cf030bf8b4cfcf1cafae71eba58a6ff1819c68',NULL,'0.000000000',0.0);
INSERT INTO "evaluations" VALUES(14,'sha256:5cdc11798c2096fa3206ab4b833df0197a1886ab5b3184ff0f76fb44b18c926c',0,0,1,'baseline','org/japanese','sha256:647a278db256e56faf90f7067ddbec4b13a844cd1749e215642b01669642d8bc',NULL,'0.000000000',0.0);
INSERT INTO "evaluations" VALUES(15,'sha256:5cdc11798c2096fa3206ab4b833df0197a1886ab5b3184ff0f76fb44b18c926c',0,0,2,'baseline','org/base','sha256:66a9b68256033577ce511d9bedb354119f7f21c5df9ca78bc87a8398c04be55e',NULL,'0.000000000',0.0);
INSERT INTO "evaluations" VALUES(16,'sha256:5cdc11798c2096fa3206ab4b833df0197a1886ab5b3184ff0f76fb44b18c926c',0,0,3,'baseline','uniform','sha256:1d18adbf3f9b16ef9b5bd6bc9067c288c14b5c3e87234e9f2caf5082b9e4e9ef',NULL,'0.000000000',0.0);
INSERT INTO "evaluations" VALUES(18,'sha256:5cdc11798c2096fa3206ab4b833df0197a1886ab5b3184ff0f76fb44b18c926c',0,1,0,'sampled','','sha256:c3205eb36339406502d427fbb8f1854da17821e5b0b6a780e1dd2a0753657ebd',NULL,'0.500000000',0.5);
INSERT INTO "evaluations" VALUES(19,'sha256:5cdc11798c2096fa3206ab4b833df0197a1886ab5b3184ff0f76fb44b18c926c',0,1,1,'sampled','','sha256:a5d25b04eef29306f67f9e3ae4c6887bf72d33aaaaf2ab26cc477431c34b113c',NULL,'0.500000000',0.5);
INSERT INTO "evaluations" VALUES(20,'sha256:5cdc11798c2096fa3206ab4b833df0197a1886ab5b3184ff0f76fb44b18c926c',0,1,2,'sampled','','sha256:9cc18ec8bb336c43446937b3df1ec80d6cf806b30533b5cac5b3e7b5b47ce7f3','EVO-M003',NULL,NULL);
INSERT INTO "evaluations" VALUES(22,'sha256:5cdc11798c2096fa3206ab4b833df0197a1886ab5b3184ff0f76fb44b18c926c',0,2,0,'sampled','','sha256:4f111465959b1dfb1c978533031e11d37747023418225c06dd94bfa04f3d07e4',NULL,'0.333333333',0.333333333);
INSERT INTO "evaluations" VALUES(23,'sha256:5cdc11798c2096fa3206ab4b833df0197a1886ab5b3184ff0f76fb44b18c926c',0,2,1,'sampled','','sha256:0e77aeac3a6e9841f1fc3b23c134862f4090bb4fbf7383fd5af11913036599cd',NULL,'0.833333333',0.833333333);
INSERT INTO "evaluations" VALUES(24,'sha256:5cdc11798c2096fa3206ab4b833df0197a1886ab5b3184ff0f76fb44b18c926c',0,2,2,'sampled','','sha256:d99d97adb8ffbb338cda8a685779f20d8081f5c6778017004d36f10cfab9a9ec','EVO-M003',NULL,NULL);
CREATE TABLE generations (
	seq INTEGER NOT NULL, 
	search TEXT NOT NULL, 
	stage BIGINT NOT NULL, 
	number BIGINT NOT NULL, 
	evaluations BIGINT NOT NULL, 
	failed BIGINT NOT NULL, 
	best TEXT, 
	mean TEXT, 
	items BIGINT NOT NULL, 
	CONSTRAINT generations_pk PRIMARY KEY (seq), 
	CONSTRAINT generations_seq_fk FOREIGN KEY(seq) REFERENCES entries (seq)
);
INSERT INTO "generations" VALUES(17,'sha256:5cdc11798c2096fa3206ab4b833df0197a1886ab5b3184ff0f76fb44b18c926c',0,0,4,0,'0.000000000','0.000000000',24);
INSERT INTO "generations" VALUES(21,'sha256:5cdc11798c2096fa3206ab4b833df0197a1886ab5b3184ff0f76fb44b18c926c',0,1,3,1,'0.500000000','0.500000000',42);
INSERT INTO "generations" VALUES(25,'sha256:5cdc11798c2096fa3206ab4b833df0197a1886ab5b3184ff0f76fb44b18c926c',0,2,3,1,'0.833333333','0.583333333',60);
CREATE TABLE head (
	id INTEGER NOT NULL, 
	seq BIGINT NOT NULL, 
	hash TEXT NOT NULL, 
	CONSTRAINT head_pk PRIMARY KEY (id), 
	CONSTRAINT head_one_row CHECK (id = 1)
);
INSERT INTO "head" VALUES(1,26,'sha256:6431a2192ff6f1f5224bace48b6c5e9bd5e33877993980914af821eb98cefb1e');
CREATE TABLE ledger_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT ledger_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "ledger_version" VALUES('0003');
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
CREATE TABLE results (
	seq INTEGER NOT NULL, 
	search TEXT NOT NULL, 
	winner TEXT NOT NULL, 
	label TEXT NOT NULL, 
	CONSTRAINT results_pk PRIMARY KEY (seq), 
	CONSTRAINT results_seq_fk FOREIGN KEY(seq) REFERENCES entries (seq)
);
INSERT INTO "results" VALUES(26,'sha256:5cdc11798c2096fa3206ab4b833df0197a1886ab5b3184ff0f76fb44b18c926c','sha256:0e77aeac3a6e9841f1fc3b23c134862f4090bb4fbf7383fd5af11913036599cd','mean');
CREATE TABLE searches (
	seq INTEGER NOT NULL, 
	id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	run BIGINT NOT NULL, 
	seed BIGINT NOT NULL, 
	merge_seed BIGINT NOT NULL, 
	intent TEXT NOT NULL, 
	decision TEXT, 
	outbound TEXT, 
	CONSTRAINT searches_pk PRIMARY KEY (seq), 
	CONSTRAINT searches_seq_fk FOREIGN KEY(seq) REFERENCES entries (seq)
);
INSERT INTO "searches" VALUES(12,'sha256:5cdc11798c2096fa3206ab4b833df0197a1886ab5b3184ff0f76fb44b18c926c','miniature',0,0,1,'research','sha256:86ae35d58a6aa3b5742df94ef9d7162219f0106a911ae1954c1f0604aaec805d','Apache-2.0');
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
CREATE INDEX searches_id ON searches (id);
CREATE INDEX searches_name ON searches (name);
CREATE INDEX evaluations_course ON evaluations (search, seq);
CREATE INDEX evaluations_best ON evaluations (search, fitness_value);
CREATE INDEX evaluations_candidate ON evaluations (candidate);
CREATE INDEX generations_search ON generations (search, number);
CREATE INDEX results_search ON results (search);
CREATE INDEX results_winner ON results (winner);
CREATE TRIGGER entries_no_update BEFORE UPDATE ON entries BEGIN SELECT RAISE(ABORT, 'the entries of the ledger are append-only'); END;
CREATE TRIGGER entries_no_delete BEFORE DELETE ON entries BEGIN SELECT RAISE(ABORT, 'the entries of the ledger are append-only'); END;
CREATE TRIGGER entries_only_next BEFORE INSERT ON entries WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM entries) OR NEW.prev IS NOT coalesce((SELECT hash FROM entries WHERE seq = NEW.seq - 1), 'sha256:0000000000000000000000000000000000000000000000000000000000000000') OR EXISTS (SELECT 1 FROM entries WHERE prev = NEW.prev OR hash = NEW.hash) BEGIN SELECT RAISE(ABORT, 'the entries of the ledger are append-only'); END;
COMMIT;
