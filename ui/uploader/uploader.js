// Sends what a person chose to `/api/uploads`, piece by piece. Whatever breaks - the connection, the server, the page -
// the server keeps what has come; the same files chosen again go on where they broke.

const PIECE = 8 << 20
const AT_ONCE = 4
const PAUSES = [1, 2, 4, 8, 15]
const CLUTTER = /(^|\/)(\.|thumbs\.db$|desktop\.ini$|__macosx(\/|$))/i
const desks = new WeakMap()

class Told extends Error {} // a sentence for the person: no use in trying again
class Ended extends Error {} // cancelled

const megabytes = (bytes) =>
  bytes < 1e6 ? "under 1 MB" : bytes < 1e9 ? `${Math.round(bytes / 1e6).toLocaleString("en")} MB` : `${(bytes / 1e9).toFixed(1)} GB`
const counted = (count) => (count === 1 ? "1 file" : `${count.toLocaleString("en")} files`)

// Two rounds of a 53-bit hash: `crypto.subtle` is missing where a class reaches its server without TLS.
function hashed(text, seed) {
  let high = 0xdeadbeef ^ seed
  let low = 0x41c6ce57 ^ seed
  for (let place = 0; place < text.length; place++) {
    const sign = text.charCodeAt(place)
    high = Math.imul(high ^ sign, 2654435761)
    low = Math.imul(low ^ sign, 1597334677)
  }
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909)
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909)
  return (low >>> 0).toString(16).padStart(8, "0") + (high >>> 0).toString(16).padStart(8, "0")
}

function batchOf(files) {
  const text = files.map(({ name, file }) => `${name}\n${file.size}\n${file.lastModified}`).join("\n\n")
  return hashed(text, 1) + hashed(text, 2)
}

// What was dropped or chosen, with the folders that it stood in.
async function entriesOf(transfer) {
  const roots = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean)
  if (!roots.length) return [...transfer.files].map((file) => ({ name: file.name, file }))
  const found = []
  const look = async (entry, before) => {
    const name = before ? `${before}/${entry.name}` : entry.name
    if (entry.isFile) {
      const file = await new Promise((done, failed) => entry.file(done, failed))
      found.push({ name, file })
      return
    }
    const reader = entry.createReader()
    for (;;) {
      const some = await new Promise((done, failed) => reader.readEntries(done, failed))
      if (!some.length) return
      for (const each of some) await look(each, name)
    }
  }
  for (const root of roots) await look(root, "")
  return found
}

function refusalOf(data, files) {
  if (!files.length) return "There is no file in it. Choose another one."
  if (files.length > 1 && !data.several) return "Choose one file only."
  if (files.length > data.files_most) {
    return `These are ${counted(files.length)}; at most ${data.files_most.toLocaleString("en")} can be brought at once. Make a zip of them.`
  }
  const total = files.reduce((sum, { file }) => sum + file.size, 0)
  if (files.length === 1 && !total) return "The file is empty. Was it still downloading?"
  const what = files.length === 1 ? "This file has" : `These ${counted(files.length)} have`
  if (total > data.most) return `${what} ${megabytes(total)}; the limit is ${megabytes(data.most)}. Use a part of the data, or smaller files.`
  if (data.left !== null && total > data.left) {
    return `${what} ${megabytes(total)}, but your storage has room for ${megabytes(data.left)} only. Delete runs or data that you do not need any more.`
  }
  const ending = (name) => name.slice(name.lastIndexOf(".")).toLowerCase()
  if (files.length === 1 && data.endings.length && !data.endings.includes(ending(files[0].name))) {
    return `'${files[0].name}' is of no known kind. Known endings: ${data.endings.join(", ")}.`
  }
  return ""
}

class Desk {
  constructor(root) {
    this.root = root
    this.find = (name) => root.querySelector(name)
    this.input = this.find("input")
    this.sending = false
    this.requests = new Set()
    this.wake = null
    this.heard = 0
    this.leaving = (event) => event.preventDefault()
    this.online = () => this.wake?.()
  }

  // Called again with every drawing of the page: what was said may have changed, an upload goes on.
  draw(data, setStateValue) {
    this.data = data
    if (data.number !== this.number && !this.sending) this.reset()
    this.number = data.number
    this.done = (batch) => setStateValue("done", { batch, at: Date.now() })
    this.find(".label").textContent = data.label
    this.find(".limit").textContent = data.limit
    this.find(".files").textContent = data.several ? "Choose files" : "Choose a file"
    this.find(".folder").textContent = "Choose a folder"
    const phone = matchMedia("(hover: none)").matches
    this.find(".folder").hidden = !data.several || phone || !("webkitdirectory" in this.input)
    this.find(".hint").textContent = data.several ? "or drop them here" : "or drop it here"
    this.find("progress").setAttribute("aria-label", data.label)
    for (const button of [this.find(".files"), this.find(".folder")]) button.disabled = data.disabled
    this.find(".files").onclick = () => this.choose(false)
    this.find(".folder").onclick = () => this.choose(true)
    this.find(".cancel").onclick = () => this.cancel()
    this.input.multiple = data.several
    this.input.accept = data.endings.join(",")
    this.input.onchange = () => {
      const files = [...this.input.files].map((file) => ({ name: file.webkitRelativePath || file.name, file }))
      this.input.value = ""
      this.take(files)
    }
    const drop = this.find(".drop")
    drop.ondragover = (event) => {
      event.preventDefault()
      drop.classList.toggle("over", !this.sending && !this.data.disabled)
    }
    drop.ondragleave = () => drop.classList.remove("over")
    drop.ondrop = async (event) => {
      event.preventDefault()
      drop.classList.remove("over")
      if (this.sending || this.data.disabled) return
      try {
        this.take(await entriesOf(event.dataTransfer))
      } catch {
        this.tell("What you dropped cannot be read here. Choose it with the button instead.")
      }
    }
  }

  // The last upload was taken over: the field is free for another one.
  reset() {
    this.tell("")
    this.find(".choose").hidden = this.find(".limit").hidden = false
    this.find(".sending").hidden = true
  }

  choose(folder) {
    this.input.webkitdirectory = folder
    this.input.click()
  }

  take(chosen) {
    const files = chosen.length > 1 ? chosen.filter(({ name }) => !CLUTTER.test(name)) : chosen
    if (this.sending || !chosen.length) return
    this.tell(refusalOf(this.data, files))
    if (this.find(".told").hidden) this.send(files)
  }

  async send(files) {
    this.files = files
    this.batch = batchOf(files)
    this.total = files.reduce((sum, { file }) => sum + file.size, 0)
    this.sent = files.map(() => 0)
    this.heard = 0
    this.show(true)
    let failures = 0
    while (this.sending) {
      const before = this.arrived()
      try {
        this.sent = await this.begin()
        this.progress()
        await this.sendAll()
        this.find(".amount").textContent = "Arrived"
        this.say(`${this.called()} arrived.`)
        this.finish()
        this.done(this.batch)
        return
      } catch (problem) {
        this.abort()
        if (!this.sending || problem instanceof Ended) return
        const sentence = problem instanceof Told ? problem.message : await this.unreadable()
        if (sentence) {
          this.show(false)
          this.tell(sentence)
          return
        }
        failures = this.arrived() > before ? 0 : failures + 1
        await this.pause(PAUSES[Math.min(failures, PAUSES.length - 1)])
      }
    }
  }

  async begin() {
    const files = this.files.map(({ name, file }) => ({ name, size: file.size }))
    return (await this.ask("POST", "", { body: JSON.stringify({ files }) })).offsets
  }

  // A few files at once: a folder of pictures is many small ones.
  async sendAll() {
    const waiting = this.files.map((_, number) => number).filter((number) => this.sent[number] < this.files[number].file.size)
    const work = async () => {
      while (this.sending && waiting.length) await this.sendOne(waiting.shift())
      if (!this.sending) throw new Ended()
    }
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, Math.max(1, waiting.length)) }, work))
  }

  async sendOne(number) {
    const file = this.files[number].file
    while (this.sent[number] < file.size) {
      const offset = this.sent[number]
      const piece = file.slice(offset, offset + PIECE)
      const onprogress = (event) => {
        this.sent[number] = offset + Math.min(event.loaded, piece.size)
        this.progress()
      }
      const told = await this.ask("PUT", `/${number}`, { body: piece, headers: { "upload-offset": offset }, onprogress })
      this.sent[number] = told.offset
      this.progress()
    }
  }

  // Resolves with what the server says; rejects with `Told` for a sentence, with a plain error for what may pass by.
  ask(method, path, { body, headers = {}, onprogress }) {
    return new Promise((done, failed) => {
      const request = new XMLHttpRequest()
      this.requests.add(request)
      request.open(method, `${this.data.address}${this.batch}${path}`)
      request.setRequestHeader("x-upload-token", this.data.token)
      for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value)
      if (onprogress) request.upload.onprogress = onprogress
      request.onloadend = () => {
        this.requests.delete(request)
        let told = {}
        try {
          told = JSON.parse(request.responseText)
        } catch {} // the page of a proxy, or nothing
        if (request.status === 200) done(told)
        else if ([400, 403, 413, 507].includes(request.status) && told.refused) failed(new Told(told.refused))
        else if (request.status === 413) failed(new Told("This is larger than the server takes. Use a part of the data, or smaller files."))
        else failed(new Error(String(request.status)))
      }
      request.send(body)
    })
  }

  // Tells a file that was changed or taken away from a connection that broke.
  async unreadable() {
    for (const { name, file } of this.files) {
      try {
        await file.slice(0, 1).arrayBuffer()
      } catch {
        return `'${name}' was changed or moved while it was sent. Choose it again.`
      }
    }
    return ""
  }

  async pause(seconds) {
    const line = this.find(".pause")
    line.hidden = false
    line.textContent =
      `The connection broke; trying again in ${seconds} s. ` +
      (this.arrived() ? `The ${megabytes(this.arrived())} that came are kept.` : "")
    this.say(line.textContent)
    await new Promise((done) => {
      this.wake = done
      setTimeout(done, 1000 * seconds)
    })
    this.wake = null
    line.hidden = true
  }

  cancel() {
    const batch = this.batch
    this.sending = false
    this.abort()
    this.wake?.()
    this.batch = batch
    this.ask("DELETE", "", {}).catch(() => {}) // what stays is deleted after an hour
    this.show(false)
    this.say("Cancelled.")
    this.find(".files").focus()
  }

  abort() {
    for (const request of this.requests) request.abort()
    this.requests.clear()
  }

  finish() {
    this.sending = false
    this.find(".cancel").hidden = true
    removeEventListener("beforeunload", this.leaving)
    removeEventListener("online", this.online)
  }

  show(sending) {
    const focused = this.root.contains(this.root.getRootNode().activeElement)
    this.sending = sending
    this.find(".choose").hidden = this.find(".limit").hidden = sending
    this.find(".sending").hidden = !sending
    this.find(".cancel").hidden = false
    this.find(".pause").hidden = true
    if (sending) {
      this.find(".name").textContent = this.called()
      this.progress()
      this.say(`Sending ${this.called()}.`)
      if (focused) this.find(".sending").focus()
      addEventListener("beforeunload", this.leaving)
      addEventListener("online", this.online)
    } else {
      this.finish()
      if (focused) this.find(".files").focus()
    }
  }

  called() {
    return this.files.length === 1 ? this.files[0].name : counted(this.files.length)
  }

  arrived() {
    return this.sent.reduce((sum, bytes) => sum + bytes, 0)
  }

  progress() {
    const share = this.total ? this.arrived() / this.total : 1
    this.find("progress").value = share
    this.find(".amount").textContent = `${Math.floor(100 * share)} % of ${megabytes(this.total)}`
    const quarter = Math.floor(4 * share)
    if (quarter > this.heard && quarter < 4) this.say(`${25 * quarter} % sent.`)
    this.heard = Math.max(this.heard, quarter)
  }

  say(words) {
    this.find(".heard").textContent = words
  }

  tell(sentence) {
    this.find(".told").textContent = sentence
    this.find(".told").hidden = !sentence
  }
}

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".uploader")
  if (!desks.has(root)) desks.set(root, new Desk(root))
  const desk = desks.get(root)
  desk.draw(data, setStateValue)
  return () => {
    // Drawn anew, or left for good? What was sent is kept; the same file chosen again goes on.
    setTimeout(() => {
      if (root.isConnected || !desk.sending) return
      desk.finish()
      desk.abort()
      desk.wake?.()
    }, 400)
  }
}
