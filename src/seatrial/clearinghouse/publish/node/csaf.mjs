// Reads one CSAF document a line from standard input and answers with one JSON list of faults a line: the schema of the
// document's own version and its mandatory tests. Nothing is fetched.
import { createInterface } from 'node:readline'
import validate from '@secvisogram/csaf-validator-lib/validate.js'
import * as mandatory20 from '@secvisogram/csaf-validator-lib/mandatoryTests.js'
import { csaf_2_0_strict } from '@secvisogram/csaf-validator-lib/schemaTests.js'
import * as mandatory21 from '@secvisogram/csaf-validator-lib/csaf_2_1/mandatoryTests.js'
import * as schema21 from '@secvisogram/csaf-validator-lib/csaf_2_1/schemaTests.js'

const tests = {
  '2.0': [csaf_2_0_strict, ...Object.values(mandatory20)],
  2.1: [schema21.csaf_2_1, ...Object.values(mandatory21)],
}

for await (const line of createInterface({ input: process.stdin })) {
  const document = JSON.parse(line)
  const asked = tests[document.document?.csaf_version]
  const faults = []
  if (asked === undefined) {
    faults.push({ rule: 'version', path: '/document/csaf_version', message: 'neither 2.0 nor 2.1' })
  } else {
    for (const test of (await validate(asked, document)).tests) {
      for (const error of test.errors) {
        faults.push({ rule: test.name, path: error.instancePath, message: error.message })
      }
    }
  }
  process.stdout.write(JSON.stringify(faults) + '\n')
}
