BEGIN TRANSACTION;
CREATE TABLE actions (
	id INTEGER NOT NULL,
	at BIGINT NOT NULL,
	who VARCHAR(100) NOT NULL,
	what VARCHAR(100) NOT NULL,
	host VARCHAR(255) NOT NULL,
	PRIMARY KEY (id)
);
INSERT INTO "actions" VALUES(1,1777896000000000,'ops','logged in','');
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL,
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE attempts (
	id INTEGER NOT NULL,
	host VARCHAR(255) NOT NULL,
	mac VARCHAR(17) NOT NULL,
	given BIGINT NOT NULL,
	until BIGINT NOT NULL,
	token VARCHAR(64),
	kickstart VARCHAR(64),
	state VARCHAR(16) NOT NULL,
	since BIGINT NOT NULL,
	progressed BIGINT NOT NULL,
	heard BIGINT,
	boot VARCHAR(64) NOT NULL,
	step TEXT NOT NULL,
	message TEXT NOT NULL,
	done BIGINT,
	total BIGINT,
	restarts INTEGER NOT NULL,
	is_degraded BOOLEAN NOT NULL,
	address VARCHAR(64) NOT NULL,
	PRIMARY KEY (id),
	CONSTRAINT attempts_host_given UNIQUE (host, given),
	UNIQUE (token)
);
INSERT INTO "attempts" VALUES(1,'node01','52:54:00:00:00:01',1777896000000000,1777917600000000,'3138bb9bc78df27c473ecfd1410f7bd45ebac1f59cf3ff9cfe4db77aab7aedd3','bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb','up',1777896240000000,1777896240000000,1777896240000000,'5f0c8a3e-1111-2222-3333-444455556666','','',NULL,NULL,0,0,'192.0.2.1');
INSERT INTO "attempts" VALUES(2,'node02','52:54:00:00:00:01',1777896000000000,1777917600000000,'4f2e8d65483c641648cdb374ae9d8abd368d269e4ddffe092a8237b8162cddd6','bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb','failed',1777896180000000,1777896180000000,1777896180000000,'5f0c8a3e-1111-2222-3333-444455556666','disks','error: no disk',NULL,NULL,0,0,'192.0.2.1');
INSERT INTO "attempts" VALUES(3,'node02','52:54:00:00:00:01',1777896600000000,1777917600000000,'ae448ac86c4e8e4dec645729708ef41873ae79c6dff84eff73360989487f08e5','bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb','armed',1777896600000000,1777896600000000,NULL,'','','',NULL,NULL,0,0,'');
CREATE TABLE events (
	id INTEGER NOT NULL,
	attempt INTEGER NOT NULL,
	seq INTEGER NOT NULL,
	received BIGINT NOT NULL,
	uptime FLOAT NOT NULL,
	boot VARCHAR(64) NOT NULL,
	state VARCHAR(16) NOT NULL,
	step TEXT NOT NULL,
	message TEXT NOT NULL,
	done BIGINT,
	total BIGINT,
	facts TEXT,
	PRIMARY KEY (id),
	CONSTRAINT events_attempt_seq UNIQUE (attempt, seq),
	FOREIGN KEY(attempt) REFERENCES attempts (id) ON DELETE CASCADE
);
INSERT INTO "events" VALUES(1,1,1,1777896120000000,12.5,'5f0c8a3e-1111-2222-3333-444455556666','preparing','','',NULL,NULL,'{"firmware":"uefi"}');
INSERT INTO "events" VALUES(2,1,2,1777896180000000,12.5,'5f0c8a3e-1111-2222-3333-444455556666','copying','','',1,2,NULL);
INSERT INTO "events" VALUES(3,1,3,1777896240000000,12.5,'5f0c8a3e-1111-2222-3333-444455556666','up','','',NULL,NULL,NULL);
INSERT INTO "events" VALUES(4,2,1,1777896120000000,12.5,'5f0c8a3e-1111-2222-3333-444455556666','preparing','','',NULL,NULL,NULL);
INSERT INTO "events" VALUES(5,2,2,1777896180000000,12.5,'5f0c8a3e-1111-2222-3333-444455556666','failed','disks','error: no disk',NULL,NULL,NULL);
CREATE TABLE kickstarts (
	sha256 VARCHAR(64) NOT NULL,
	content BLOB NOT NULL,
	PRIMARY KEY (sha256)
);
INSERT INTO "kickstarts" VALUES('bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb',X'1F8B0800000000000003535628C94855C8CE4CCE2E2E492C2AE102000D2C483B10000000');
CREATE TABLE logs (
	id INTEGER NOT NULL,
	attempt INTEGER NOT NULL,
	name VARCHAR(100) NOT NULL,
	received BIGINT NOT NULL,
	size INTEGER NOT NULL,
	is_cut BOOLEAN NOT NULL,
	content BLOB NOT NULL,
	PRIMARY KEY (id),
	CONSTRAINT logs_attempt_name UNIQUE (attempt, name),
	FOREIGN KEY(attempt) REFERENCES attempts (id) ON DELETE CASCADE
);
INSERT INTO "logs" VALUES(1,2,'anaconda.log',1777896300000000,8,0,X'1F8B08000000000000032BC94855C8C94FE70200B4238B9408000000');
CREATE TABLE transitions (
	id INTEGER NOT NULL,
	attempt INTEGER NOT NULL,
	at BIGINT NOT NULL,
	"before" VARCHAR(16) NOT NULL,
	"after" VARCHAR(16) NOT NULL,
	cause VARCHAR(16) NOT NULL,
	PRIMARY KEY (id),
	FOREIGN KEY(attempt) REFERENCES attempts (id) ON DELETE CASCADE
);
INSERT INTO "transitions" VALUES(1,1,1777896060000000,'armed','booting','web server');
INSERT INTO "transitions" VALUES(2,2,1777896060000000,'armed','booting','web server');
INSERT INTO "transitions" VALUES(3,1,1777896120000000,'booting','preparing','report');
INSERT INTO "transitions" VALUES(4,1,1777896180000000,'preparing','copying','report');
INSERT INTO "transitions" VALUES(5,1,1777896240000000,'copying','up','report');
INSERT INTO "transitions" VALUES(6,2,1777896120000000,'booting','preparing','report');
INSERT INTO "transitions" VALUES(7,2,1777896180000000,'preparing','failed','report');
CREATE INDEX transitions_attempt ON transitions (attempt);
COMMIT;
