fn main() -> hybrid::Result<()> {
    realworld::app().run()
}
