/* software: the development kind: a P-256 key in this process's memory says what it is told to (lib/model/software_evidence.h). */
#pragma once

#include "attester/evidence/source.h"

/* FAULT_DENIED "evidence.insecure_development" unless the options say so. */
struct fault *evidence_software_open(const struct evidence_options *o, struct evidence_source *ret) MUST_USE;
