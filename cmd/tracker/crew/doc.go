// Package crew runs workers as processes of their own, and kills them.
//
// Whatever happens to the process that runs a crew, no worker outlives it: [Crew.Stop] ends all of them, and on Linux the
// kernel kills them when it is gone without having said so.
package crew
